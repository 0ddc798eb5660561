// Heat maps: cells with a number each, words or a scale for the numbers, and what the mouse is over.

const isMap = ({ spec }) => spec.type === "heatmap";

const ZERO = 128, LEVELS = 127; // of real values in bytes: that of 0, and how many on either side

/** The cells in a message's buffer: [trace, rows, columns] of each, and of real ones the scale's end. */
function uncells(rows, bytes) {
  let at = bytes?.byteOffset ?? 0;
  return rows.map(([id, n, columns, end]) => {
    const values = new Uint8Array(bytes.buffer.slice(at, (at += n * columns)));
    return { id, cells: { rows: n, columns, values, end } };
  });
}

/** Row by row, as plotly takes them. */
function matrix({ cells }) {
  const { rows = 0, columns, values } = cells ?? {};
  return Array.from({ length: rows }, (_, i) => values.subarray(i * columns, (i + 1) * columns));
}

/** Cells as an image of a pixel each, as the address of its data; `up` where row 0 is the lowest. */
function picture({ colorscale, zmax }, { rows, columns, values }, up) {
  const pen = (width, height) => Object.assign(document.createElement("canvas"), { width, height })
    .getContext("2d", { willReadFrequently: true });
  const n = zmax + 0.5, scale = pen(n, 1), image = pen(columns, rows);
  scale.fillStyle = scale.createLinearGradient(0, 0, n, 0);
  for (const [at, colour] of colorscale) scale.fillStyle.addColorStop(at, colour);
  scale.fillRect(0, 0, n, 1);
  const colours = new Uint32Array(scale.getImageData(0, 0, n, 1).data.buffer);
  const pixels = image.createImageData(columns, rows), all = new Uint32Array(pixels.data.buffer);
  values.forEach((value, i) => {
    const row = Math.floor(i / columns);
    all[i + (up ? rows - 1 - 2 * row : 0) * columns] = colours[value];
  });
  image.putImageData(pixels, 0, 0);
  return image.canvas.toDataURL();
}

/** An axis from the first cell's edge to the last one's. */
const edges = (axis, n = 1) =>
  ({ ...axis, type: "linear", autorangeoptions: { span: [-0.5, n - 0.5] } });

/** Whether it is a map of real values: a matrix, whose row 0 is above. */
const isMatrix = (map) => Boolean(map?.spec.meta.parts);

/** What is side by side in a matrix: the words, and how many columns each has. */
function partsOf({ spec: { meta: { parts } }, cells }) {
  return { parts, width: ((cells?.columns ?? 0) + 1) / parts.length };
}

/** The axis along a matrix' columns says what is where. */
function partTicks(map) {
  const { parts, width } = partsOf(map);
  return { tickmode: "array", ticktext: parts, tickvals: parts.map((_, i) => (i + 0.5) * width - 1) };
}

/** The scale of a map of real values, at the right of its axes. */
function scaleBar({ cells }, domain, size) {
  const end = brief(cells?.end ?? 1);
  return {
    showscale: true,
    colorbar: {
      x: domain.x[1], xanchor: "left", xpad: size, y: domain.y[0], yanchor: "bottom", ypad: 0,
      len: domain.y[1] - domain.y[0], thickness: size, outlinewidth: 0, ticks: "",
      tickvals: [1, ZERO, ZERO + LEVELS], ticktext: [`\u2212${end}`, "0", end], tickfont: { size },
    },
  };
}

/** Whose cells they are, and what their colours mean; that of a matrix stands in the panel's head. */
function legend({ map }) {
  const { name, marker, meta } = map.spec;
  if (isMatrix(map)) return null;
  const swatch = (colour) => h("i", { style: `background:${colour}` });
  return h("div", { class: "ew-words" },
    h("div", {}, symbol(marker.symbol, marker.color), h("span", {}, name)),
    ...(meta.key ?? meta.words).filter(([, word]) => word).map(([colour, word]) =>
      h("div", {}, swatch(colour), h("span", {}, word))));
}

/** What the hover box says of the cell at a pixel of the plot; null where there is none. */
function cellBox({ map, xaxis, yaxis }, x, y) {
  const { rows, columns, values } = map.cells ?? {};
  const column = Math.round(xaxis.p2d(x - xaxis._offset)), row = Math.round(yaxis.p2d(y - yaxis._offset));
  if (!(row >= 0 && row < rows && column >= 0 && column < columns)) return null;
  const level = values[row * columns + column];
  const [colour, word] = map.spec.meta.words?.[level] ?? [];
  const place = (axis, at) => h("div", { class: "ew-muted" }, `${axis.title?.text} ${at}`);
  if (isMatrix(map)) {
    const { parts, width } = partsOf(map), part = parts[Math.floor(column / width)];
    return level ? [place(yaxis, row), place(xaxis, column % width),
      h("div", {}, h("span", {}, part), h("b", {}, real(level, map.cells.end)))] : null;
  }
  const { x: xs, y: ys } = map.spec.meta.places ?? {};
  return [place(yaxis, ys?.[row] ?? row), place(xaxis, xs?.[column] ?? column),
    word ? h("div", {}, h("i", { style: `background:${colour}` }), h("b", {}, word)) : ""];
}

/** The value of a level, to as many places as the levels tell apart. */
function real(level, end) {
  const places = Math.max(0, Math.round(-Math.log10(end / LEVELS)));
  const value = ((level - ZERO) / LEVELS) * end;
  return places > 6 ? brief(value, 2) : value.toFixed(places).replace("-", "\u2212");
}
