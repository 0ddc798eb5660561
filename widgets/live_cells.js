// Heat maps: cells with a number each, words for the numbers, and what the mouse is over.

const isMap = ({ spec }) => spec.type === "heatmap";

/** The cells in a message's buffer: [trace, rows, columns] of each. */
function uncells(rows, bytes) {
  let at = bytes?.byteOffset ?? 0;
  return rows.map(([id, n, columns]) => {
    const values = new Uint8Array(bytes.buffer.slice(at, (at += n * columns)));
    return { id, cells: { rows: n, columns, values } };
  });
}

/** Row by row, as plotly takes them. */
function matrix({ cells }) {
  const { rows = 0, columns, values } = cells ?? {};
  return Array.from({ length: rows }, (_, i) => values.subarray(i * columns, (i + 1) * columns));
}

/** An axis from the first cell's edge to the last one's. */
const edges = (axis, n = 1) =>
  ({ ...axis, type: "linear", autorangeoptions: { span: [-0.5, n - 0.5] } });

/** Whose cells they are, and what their colours mean. */
function legend({ map }) {
  const { name, marker, meta } = map.spec;
  const swatch = (colour) => h("i", { style: `background:${colour}` });
  return h("div", { class: "ew-words" },
    h("div", {}, symbol(marker.symbol, marker.color), h("span", {}, name)),
    ...meta.words.filter(([, word]) => word).map(([colour, word]) =>
      h("div", {}, swatch(colour), h("span", {}, word))));
}

/** What the hover box says of the cell at a pixel of the plot; null where there is none. */
function cellBox({ map, xaxis, yaxis }, x, y) {
  const { rows, columns, values } = map.cells ?? {};
  const column = Math.round(xaxis.p2d(x - xaxis._offset)), row = Math.round(yaxis.p2d(y - yaxis._offset));
  if (!(row >= 0 && row < rows && column >= 0 && column < columns)) return null;
  const [colour, word] = map.spec.meta.words[values[row * columns + column]] ?? [];
  const place = (axis, at) => h("div", { class: "ew-muted" }, `${axis.title?.text} ${at}`);
  const { x: xs, y: ys } = map.spec.meta.places ?? {};
  return [place(yaxis, ys?.[row] ?? row), place(xaxis, xs?.[column] ?? column),
    word ? h("div", {}, h("i", { style: `background:${colour}` }), h("b", {}, word)) : ""];
}
