// What is drawn over the plots: tips of curves, labels of thresholds, the moment shown.

const FAR_UP = "\u2191 ", FAR_DOWN = "\u2193 ";

/** Pixel of a value on a plotly axis. */
const pixel = (axis, value) => axis._offset + axis.d2p(value);

/** The newest points of the curves of a panel, those in view; where it is of points, the last ones in
 *  view of the lines between them.
 */
function tipsOf(panel) {
  const { curves, xaxis, yaxis } = panel;
  const tipped = curves.filter((t) =>
    t.spec.type === "scatter" && !isPoints(t) && t.spec.marker && t.shown && stemsOf(t) === undefined);
  const tips = tipped.map((t) => ({ marker: t.spec.marker,
    ...(panel.meta.equal ? lastInView(panel, t) : { x: t.x[t.shown - 1], y: t.y[t.shown - 1] }) }));
  return tips.filter(({ x, y }) => within(xaxis, pixel(xaxis, x)) && within(yaxis, pixel(yaxis, y)));
}

/** The last point in view of a straight line from its first to its second point; linear axes. */
function lastInView({ xaxis, yaxis }, { x, y }) {
  const reach = (axis, [from, to]) => { // how far along the line it leaves the axis
    const [low, high] = [...axis.range].sort((a, b) => a - b);
    return to > high ? (high - from) / (to - from) : to < low ? (low - from) / (to - from) : 1;
  };
  const part = Math.min(reach(xaxis, x), reach(yaxis, y));
  return { x: x[0] + part * (x[1] - x[0]), y: y[0] + part * (y[1] - y[0]) };
}

/** A symbol at the newest point of every curve: shape and colour say which replica it is. */
const tips = (panel) => tipsOf(panel).map(({ marker, x, y }) => h("path", {
  d: SYMBOLS[marker.symbol] ?? SYMBOLS.circle, style: `fill:${marker.color}`,
  transform: `translate(${pixel(panel.xaxis, x)} ${pixel(panel.yaxis, y)})`,
}));

/** A line at the step that the page shows, where it is one of the past. */
function moment({ isStep, xaxis, yaxis }, until) {
  const x = pixel(xaxis, until), { _offset: y1, _length } = yaxis;
  if (!isStep || !within(xaxis, x)) return [];
  return [h("line", { x1: x, x2: x, y1, y2: y1 + _length, class: "ew-moment" })];
}

/** Vertical lines at some x, each with its word, from the top down where they are near each other. */
function marked({ meta, xaxis, yaxis }, font) {
  const { _offset: top, _length } = yaxis;
  const seen = (meta.marks ?? []).map(([at, word]) => ({ x: pixel(xaxis, at), word }));
  return seen.filter(({ x }) => within(xaxis, x)).flatMap(({ x, word }, i) => {
    const left = x - xaxis._offset > 0.5 * xaxis._length;
    return [h("line", { x1: x, x2: x, y1: top, y2: top + _length, class: "ew-mark" }),
      h("text", { x: x + (left ? -4 : 4), y: top + (i + 1) * 1.2 * font, class: left ? "" : "ew-rate" }, word)];
  });
}

/** Whether a trace is points that no line joins. */
const isPoints = ({ spec }) => spec.mode === "markers";

/** Whether a trace is an area, of which nothing is said. */
const isBand = ({ spec }) => Boolean(spec.fill);

/** Whether a trace is drawn as one path of ours. */
const isLine = ({ spec }) => spec.type === "scatter" && spec.mode === "lines" && !isBand({ spec });

/** How far a trace's stems, one for each point, stand beside their x; undefined for a curve. */
const stemsOf = ({ spec }) => spec.meta?.stems;

/** To a tenth of a pixel, faster than toFixed. */
const tenths = (v) => Math.round(10 * v) / 10;

/** Add to the pieces of a line's SVG path, one a point; what its axes cannot show leaves a gap.
 *  A threshold from before the beginning of a logarithmic axis comes in at its edge. */
function extendPath(pieces, { x, y }, xaxis, yaxis, { shape, stems }) {
  const base = yaxis.type === "log" ? yaxis._length : tenths(yaxis.d2p(0));
  for (let i = pieces.length; i < x.length; i++) {
    const across = xaxis.d2p(x[i] + (stems ?? 0)), height = yaxis.d2p(y[i]);
    if (!Number.isFinite(height) || (!Number.isFinite(across) && shape !== "hv")) {
      pieces.push("");
      continue;
    }
    const px = tenths(Number.isFinite(across) ? across : 0), py = tenths(height);
    if (stems !== undefined) pieces.push(`M${px},${base}V${py}`);
    else pieces.push(!pieces[i - 1] ? `M${px},${py}` : shape === "hv" ? `H${px}V${py}` : `L${px},${py}`);
  }
}

function barPaths({ x, y }, xaxis, yaxis) {
  const half = 0.425 * (xaxis.d2p(x[1]) - xaxis.d2p(x[0])); // a gap of 15 %, as in the template
  const base = yaxis.type === "log" ? yaxis._length : yaxis.d2p(0);
  return [...x].map((at, i) => {
    const [left, right] = [xaxis.d2p(at) - half, xaxis.d2p(at) + half], top = yaxis.d2p(y[i]);
    if (!Number.isFinite(left)) return "M0,0";
    return `M${left},${base}V${Number.isFinite(top) ? top : base}H${right}V${base}Z`;
  });
}

const within = (axis, at) => at >= axis._offset - 1 && at <= axis._offset + axis._length + 1;

/** Labels at the right end of thresholds, pushed apart; one off the scale is pinned with an arrow. */
const labels = (panel, font) => labelsOf(panel, font).map(({ x, y, color, text }) =>
  h("text", { x, y, style: `--c:${color}` }, text));

/** Where they go, in pixels, and what they say. */
function labelsOf(panel, font) {
  const { xaxis, yaxis } = panel;
  const top = yaxis._offset, bottom = top + yaxis._length, line = 1.1 * font;
  const x = xaxis._offset + xaxis._length - 4;
  const all = panel.thresholds.filter((t) => t.spec.meta?.label && t.shown).map((t) => {
    const at = pixel(yaxis, t.y[t.shown - 1]);
    const far = at < top ? FAR_UP : at > bottom ? FAR_DOWN : "";
    const above = at - 0.3 * font, below = Math.max(at, top) + font;
    const y = above < top + 0.8 * font ? below : Math.min(above, bottom - 0.3 * font);
    return { y, far, color: t.spec.line.color, text: far + t.spec.meta.label };
  });
  const same = (one) => [one.text, one.color, Math.round(one.y)].join();
  const wanted = [...new Map(all.map((one) => [same(one), one])).values()]; // forks share theirs
  wanted.sort((a, b) => Boolean(a.far) - Boolean(b.far) || a.y - b.y); // those on the scale first
  const taken = [];
  return wanted.flatMap(({ y, far, color, text }) => {
    const down = far === FAR_DOWN ? -line : line;
    const places = [y, y + 1.2 * font, y + down, y + 2 * down];
    const isFree = (at) => at < bottom && taken.every((other) => Math.abs(other - at) > line - 1);
    const free = places.find(isFree);
    if (free === undefined) return [];
    taken.push(free);
    return [{ x, y: free, color, text }];
  });
}

const BESIDE = 7; // font sizes of room at the right of the axes of a panel with rates

/** How fast each curve falls, beside its end or near it, each with its symbol: in pixels. */
function ratesOf({ meta, curves, xaxis, yaxis }, font) {
  const said = ({ spec, shown, until }) =>
    meta.rates && spec.meta?.rate && shown && (spec.meta.until ?? Infinity) === until;
  const top = yaxis._offset, bottom = top + yaxis._length, line = 1.15 * font;
  const all = curves.filter(said).map(({ spec: { marker, meta: { rate } }, y, shown }) =>
    ({ marker, text: rate, y: Math.min(Math.max(pixel(yaxis, y[shown - 1]), top), bottom) }));
  all.sort((a, b) => a.y - b.y).splice(Math.floor((bottom - top) / line) + 1);
  all.forEach((one, i) => { one.y = Math.max(one.y, i ? all[i - 1].y + line : top); });
  all.reverse().forEach((one, i) => { one.y = Math.min(one.y, i ? all[i - 1].y - line : bottom); });
  return all.reverse().map((one) => ({ ...one, x: xaxis._offset + xaxis._length + font }));
}

const ratesBeside = (panel, font) => ratesOf(panel, font).flatMap(({ marker, text, x, y }) => [
  h("path", { d: SYMBOLS[marker.symbol] ?? SYMBOLS.circle, style: `fill:${marker.color}`,
    transform: `translate(${x} ${y})` }),
  h("text", { class: "ew-rate", x: x + 0.7 * font, y: y + 0.35 * font, style: `--c:${marker.color}` }, text),
]);
