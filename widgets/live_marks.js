// What is drawn over the plots: tips of curves, labels of thresholds, the moment shown.

const FAR_UP = "\u2191 ", FAR_DOWN = "\u2193 ";

/** Pixel of a value on a plotly axis. */
const pixel = (axis, value) => axis._offset + axis.d2p(value);

/** A symbol at the newest point of every curve: shape and colour say which replica it is. */
function tips(panel) {
  const tipped = panel.curves.filter((t) => t.spec.type === "scatter" && t.spec.marker && t.shown);
  return tipped.flatMap((t) => {
    const x = pixel(panel.xaxis, t.x[t.shown - 1]), y = pixel(panel.yaxis, t.y[t.shown - 1]);
    if (!within(panel.xaxis, x) || !within(panel.yaxis, y)) return [];
    const d = SYMBOLS[t.spec.marker.symbol] ?? SYMBOLS.circle;
    return [h("path", { d, style: `fill:${t.spec.marker.color}`, transform: `translate(${x} ${y})` })];
  });
}

/** A line at the step that the page shows, where it is one of the past. */
function moment({ group, xaxis, yaxis }, until) {
  const x = pixel(xaxis, until), { _offset: y1, _length } = yaxis;
  if (group !== "step" || !within(xaxis, x)) return [];
  return [h("line", { x1: x, x2: x, y1, y2: y1 + _length, class: "ew-moment" })];
}

/** Whether a trace is drawn as one path of ours. */
const isLine = ({ spec }) => spec.type === "scatter" && spec.mode === "lines" && !spec.fill;

/** To a tenth of a pixel, faster than toFixed. */
const tenths = (v) => Math.round(10 * v) / 10;

/** Add to the pieces of a line's SVG path, one a point; what its axes cannot show leaves a gap. */
function extendPath(pieces, { x, y }, xaxis, yaxis, shape) {
  for (let i = pieces.length; i < x.length; i++) {
    const height = yaxis.d2p(y[i]);
    if (!Number.isFinite(height)) {
      pieces.push("");
      continue;
    }
    const px = tenths(xaxis.d2p(x[i])), py = tenths(height);
    pieces.push(!pieces[i - 1] ? `M${px},${py}` : shape === "hv" ? `H${px}V${py}` : `L${px},${py}`);
  }
}

function barPaths({ x, y }, xaxis, yaxis) {
  const half = 0.425 * (x[1] - x[0]); // a gap of 15 %, as in the template
  const base = yaxis.type === "log" ? yaxis._length : yaxis.d2p(0);
  return [...x].map((at, i) => {
    const [left, right] = [xaxis.d2p(at - half), xaxis.d2p(at + half)], top = yaxis.d2p(y[i]);
    return `M${left},${base}V${Number.isFinite(top) ? top : base}H${right}V${base}Z`;
  });
}

const within = (axis, at) => at >= axis._offset - 1 && at <= axis._offset + axis._length + 1;

/** Labels at the right end of thresholds, pushed apart; one off the scale is pinned with an arrow. */
function labels(panel, font) {
  const { xaxis, yaxis } = panel;
  const top = yaxis._offset, bottom = top + yaxis._length, line = 1.1 * font;
  const x = xaxis._offset + xaxis._length - 4;
  const wanted = panel.thresholds.filter((t) => t.spec.meta?.label && t.shown).map((t) => {
    const at = pixel(yaxis, t.y[t.shown - 1]);
    const far = at < top ? FAR_UP : at > bottom ? FAR_DOWN : "";
    const above = at - 0.3 * font, below = Math.max(at, top) + font;
    const y = above < top + 0.8 * font ? below : Math.min(above, bottom - 0.3 * font);
    return { y, far, color: t.spec.line.color, text: far + t.spec.meta.label };
  });
  wanted.sort((a, b) => Boolean(a.far) - Boolean(b.far) || a.y - b.y); // those on the scale first
  const taken = [];
  return wanted.flatMap(({ y, far, color, text }) => {
    const down = far === FAR_DOWN ? -line : line;
    const places = [y, y + 1.2 * font, y + down, y + 2 * down];
    const isFree = (at) => at < bottom && taken.every((other) => Math.abs(other - at) > line - 1);
    const free = places.find(isFree);
    if (free === undefined) return [];
    taken.push(free);
    return [h("text", { x, y: free, style: `--c:${color}` }, text)];
  });
}

/** Index of the last of ascending values at or before x, or -1. */
function before(values, x) {
  let lo = 0, hi = values.length;
  while (lo < hi) {
    const middle = (lo + hi) >> 1;
    if (values[middle] <= x) lo = middle + 1; else hi = middle;
  }
  return lo - 1;
}
