// What a panel shows, as a table: curves along x, points, or the cells of a heat map.

const ROWS = 200; // of curves and points, at most
const CELLS = 64; // of a heat map's rows or columns, at most

/** {head: [texts], rows: [[values]], note} of a panel; no value is undefined. */
function tableOf(view, panel) {
  if (panel.meta.cells) return cellsTable(panel);
  const named = (of) => (t) => ({ name: t.spec.name, ...of(t) });
  const curves = panel.curves.filter((t) => !isBand(t)).map(named((t) => t.drawn(view.zoom.of(panel.xkey))));
  const thresholds = panel.thresholds.map(named((t) => t.arrays(t.shown)));
  if (panel.curves.some(isPoints)) return pointsTable(view, panel, curves);
  if (curves.some(({ p }) => p)) return stepsTable(panel, curves, thresholds);
  const range = fromUnits(panel.xlog, view.shown(panel, "x"));
  const count = counted(curves.map(({ x }) => x.filter((v) => v >= range[0] && v <= range[1])));
  if (!panel.meta.steps && count.size > ROWS) return pointsTable(view, panel, curves);
  const all = [...count.keys()].sort((a, b) => a - b);
  const rows = thinned(all, count, panel.xlog).map((at) =>
    [at, ...curves.map((c) => exact(c.x, at, c.y)), ...thresholds.map((c) => c.y[before(c.x, at)])]);
  return { head: [titleOf(panel.xspec, "x"), ...namesOf(curves, thresholds)], rows,
    note: some(rows.length, all.length, panel) };
}

/** Where x is not the step: the step, and each curve's own x there. */
function stepsTable(panel, curves, thresholds) {
  const count = counted(curves.map(({ p, x }) => p ?? x));
  const all = [...count.keys()].sort((a, b) => a - b), x = titleOf(panel.xspec, "x");
  const rows = thinned(all, count).map((at) => [at,
    ...curves.flatMap((c) => [exact(c.p ?? c.x, at, c.x), exact(c.p ?? c.x, at, c.y)]),
    ...thresholds.map((c) => c.y[before(c.p ?? c.x, at)])]);
  const heads = curves.flatMap(({ name }) => [`${name}: ${x}`, `${name}: ${titleOf(panel.yspec, "y")}`]);
  return { head: ["step", ...heads, ...namesOf(thresholds)], rows,
    note: some(rows.length, all.length, panel) };
}

/** A row for each point: whose it is, where it is. */
function pointsTable(view, panel, curves) {
  const ends = ["x", "y"].map((kind) =>
    fromUnits(kind === "x" ? panel.xlog : panel.ylog, view.shown(panel, kind)));
  const isShown = (at) => at.every((v, k) => v >= ends[k][0] && v <= ends[k][1]);
  const points = curves.map(({ name, x, y }) => [...x].map((v, i) => [name, v, y[i]])
    .filter(([, ...at]) => !view.isZoomed(panel) || isShown(at)));
  const most = Math.max(2, Math.floor(ROWS / Math.max(1, points.length)));
  const rows = points.flatMap((each) => evenly(each.length, most).map((i) => each[i]));
  return { head: ["what", titleOf(panel.xspec, "x"), titleOf(panel.yspec, "y")], rows,
    note: some(rows.length, points.flat().length, panel) };
}

/** As the picture has them: from the row above to the one below. */
function cellsTable(panel) {
  const { map, xspec, yspec } = panel, { rows = 0, columns = 0, values, end } = map?.cells ?? {};
  const { places = {}, words = [] } = map?.spec.meta ?? {}, isReal = isMatrix(map);
  const { parts, width } = isReal ? partsOf(map) : {};
  const isGap = (c) => isReal && (c + 1) % width === 0;
  const across = evenly(columns, CELLS).filter((c) => !isGap(c));
  const down = evenly(rows, CELLS);
  const headOf = (c) => isReal ? `${parts[Math.floor(c / width)]} ${c % width}` : places.x?.[c] ?? c;
  const cell = (level) => isReal ? (level ? real(level, end) : undefined) : words[level]?.[1] || undefined;
  const body = (isReal ? down : down.reverse()).map((r) =>
    [places.y?.[r] ?? r, ...across.map((c) => cell(values[r * columns + c]))]);
  const shown = rows > CELLS || columns > CELLS
    ? ` ${down.length} of ${rows} rows and ${across.length} of ${columns} columns.` : "";
  return { head: [`${titleOf(yspec, "row")}, by ${titleOf(xspec, "column")}`, ...across.map(headOf)], rows: body,
    note: rows ? `${map.spec.name}.${shown}` : "" };
}

const titleOf = ({ title }, otherwise) => title?.text || otherwise;
const namesOf = (...groups) => groups.flat().map(({ name }) => name);

/** How many of some arrays hold each value. */
function counted(arrays) {
  const count = new Map();
  for (const array of arrays) for (const v of array) count.set(v, (count.get(v) ?? 0) + 1);
  return count;
}

/** The y of ascending `at`s at one of them; undefined where there is none. */
function exact(ats, at, y) {
  const i = before(ats, at);
  return ats[i] === at ? y[i] : undefined;
}

/** At most ROWS of ascending values, spread evenly along their axis, the first and the last among them;
 *  of near ones that which most curves have. */
function thinned(all, count, log = false) {
  if (all.length <= ROWS) return all;
  const inner = all.slice(1, -1), place = log ? Math.log : (v) => v, best = new Map();
  const low = place(inner[0]), wide = place(inner.at(-1)) - low;
  for (const v of inner) {
    const part = Math.min(ROWS - 3, Math.floor(((ROWS - 2) * (place(v) - low)) / wide));
    if (!(count.get(best.get(part)) >= count.get(v))) best.set(part, v);
  }
  return [all[0], ...best.values(), all.at(-1)];
}

/** At most so many of the indices below n, evenly, the first and the last among them. */
function evenly(n, most) {
  const all = Array.from({ length: Math.min(n, most) }, (_, i) => i);
  return n <= most ? all : all.map((i) => Math.round((i * (n - 1)) / (most - 1)));
}

function some(rows, all, { meta }) {
  const every = meta.steps ? "; Download has every step that was measured" : "";
  return rows < all ? `${rows} of the ${all.toLocaleString("en")} points that the page has here${every}.` : "";
}

/** Numbers as the hover box writes them; a file gets all that float32 holds. */
const said = (value, digits) => typeof value === "number" ? brief(value, digits) : String(value ?? "\u2013");

/** It as comma-separated values. */
function csvOf({ head, rows }) {
  const quoted = (text) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const cell = (v) => quoted(typeof v === "number" ? String(Number(v.toPrecision(7))) : String(v ?? ""));
  return [head, ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

const tableNode = ({ head, rows }, caption) => h("table", { class: "ew-table" }, h("caption", {}, caption),
  h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, String(text))))),
  h("tbody", {}, ...rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, said(first, 7)),
    ...rest.map((value) => h("td", {}, said(value, 6)))))));
