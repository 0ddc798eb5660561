// Where panels go, and axis ranges that grow in steps so that nothing jitters.

const NICE = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
const DECADE = [1, 2, 5, 10];

/** The round number next above (or, with sign -1, below) v > 0. */
function nice(v, mantissas, sign = 1) {
  const power = 10 ** Math.floor(Math.log10(v));
  const near = (m) => sign * (m * power - v) >= -1e-9 * v;
  return power * (sign > 0 ? mantissas.find(near) : mantissas.findLast(near));
}

/** The range that shows lo..hi, in the axis' own units (powers of ten on a log axis). */
function needed([lo, hi], axis, steps) {
  const { include = [], clipmin = -Infinity, clipmax = Infinity } = axis.autorangeoptions ?? {};
  const log = axis.type === "log";
  const marks = [...include, ...(axis.rangemode === "tozero" && !log ? [0] : [])];
  const clip = (v) => Math.min(Math.max(v, clipmin), clipmax);
  lo = Math.min(clip(lo), ...marks.filter((v) => !log || v > 0));
  hi = Math.max(clip(hi), ...marks.filter((v) => !log || v > 0));
  if (log) return [Math.log10(nice(lo, DECADE, -1) * 0.95), Math.log10(nice(hi, DECADE) * 1.05)];
  if (steps > 5 && lo === 0) return [0, nice(hi || 1, NICE)]; // few moves, for each is a redraw
  const unit = nice(hi - lo || Math.abs(hi) || 1, NICE) / steps;
  const room = steps > 5 ? 0 : 0.02 * (hi - lo); // a y axis keeps its curves off the frame
  const low = Math.floor((lo - (lo === 0 ? 0 : room)) / unit + 1e-9) * unit;
  return [low, Math.max(Math.ceil((hi + room) / unit - 1e-9) * unit, low + unit)];
}

/** Ticks of a log axis at 1, 2, 5 where there is room for so many labels, else at powers of ten. */
function logTicks([lo, hi], room) {
  const decades = hi - lo;
  const format = lo < -3.5 || hi > 5.5 ? { exponentformat: "power" } : { tickformat: ".6~g" };
  if (decades < 0.5) return format;
  return { ...format, dtick: 3 * decades < room ? "D2" : Math.ceil((1.2 * decades) / room) };
}

/** Keep the current range while it serves; else grow; shrink only when most of it is unused. */
function settle(current, [lo, hi]) {
  if (!current) return [lo, hi];
  const both = [Math.min(current[0], lo), Math.max(current[1], hi)];
  return hi - lo > 0.4 * (both[1] - both[0]) ? both : [lo, hi];
}

/** Smallest and largest value of typed arrays; on a log axis of the positive ones. */
function extent(arrays, log = false) {
  let lo = Infinity, hi = -Infinity;
  for (const array of arrays) {
    for (const v of array) {
      if (log && v <= 0) continue;
      if (v < lo) lo = v;
      if (v > hi) hi = v;
    }
  }
  return lo <= hi ? [lo, hi] : null;
}

/** The x values of a trace; bars reach half a bar beyond them. */
function spread(trace) {
  const { x } = trace.arrays(trace.n);
  if (trace.spec.type !== "bar" || x.length < 2) return [x];
  const half = (x[1] - x[0]) / 2;
  return [[x[0] - half, x[x.length - 1] + half]];
}

/** Thresholds widen the y range only when the curves are near: a far one gets a label instead. */
function reach(curves, thresholds, log) {
  if (!curves) return extent(thresholds, log);
  const far = log ? 10 : 3;
  const near = thresholds.map((t) => t.filter((v) => v > 0 && v < far * Math.abs(curves[1])));
  const [lo, hi] = extent(near, log) ?? curves;
  return [Math.min(lo, curves[0]), Math.max(hi, curves[1])];
}

/** Panels' rectangles in pixels: two columns unless it is narrow; `only` fills it all. */
function grid(count, { width, height }, narrow, only) {
  const gap = 10;
  const shown = only == null ? [...Array(count).keys()] : [only];
  const columns = shown.length > 1 && !narrow ? 2 : 1;
  const rows = Math.ceil(shown.length / columns);
  const w = (width - gap * (columns - 1)) / columns;
  const h = (height - gap * (rows - 1)) / rows;
  const rects = new Map();
  shown.forEach((panel, k) => rects.set(panel, {
    left: (k % columns) * (w + gap), top: Math.floor(k / columns) * (h + gap), width: w, height: h,
  }));
  return rects;
}

const BENEATH = 12; // lines of words, in em

/** The part of a panel's rectangle inside its axes, as plotly's domains of the whole figure; those
 *  of a heat map, `map`, make its cells squares, and leave room beside it for words or a scale, or
 *  where `below` beneath it;
 *  `lines` is the height of its head. */
function domains({ left, top, width, height }, whole, font, lines, map, below) {
  const inner = {
    left: left + 4.4 * font, right: left + width - 1.7 * font, // half of a label at the end
    top: top + lines * font, bottom: top + height - 3.1 * font,
  };
  if (map !== undefined) {
    const { rows = 1, columns = 1 } = map?.cells ?? {}, words = (below ? 0 : isMatrix(map) ? 4.5 : 10) * font;
    if (below) inner.bottom -= BENEATH * font;
    const side = Math.max(font / Math.max(rows, columns), Math.min(
      (inner.right - inner.left - words) / columns, (inner.bottom - inner.top) / rows));
    Object.assign(inner, { right: inner.left + columns * side, bottom: inner.top + rows * side });
  }
  return {
    x: [inner.left / whole.width, inner.right / whole.width],
    y: [1 - inner.bottom / whole.height, 1 - inner.top / whole.height],
  };
}

/** Widen the range of x or y, so that a unit is equally long in both; `wide` and `high` in pixels. */
function equalise(x, y, wide, high) {
  const unit = Math.max((x.range[1] - x.range[0]) / wide, (y.range[1] - y.range[0]) / high);
  for (const [axis, pixels] of [[x, wide], [y, high]]) {
    const middle = (axis.range[0] + axis.range[1]) / 2, half = (unit * pixels) / 2;
    axis.range = [middle - half, middle + half];
  }
}
