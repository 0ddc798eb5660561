// Which traces and axes belong to which panel, and how far the axes reach.

/** Values of numbers in an axis' own units. */
const fromUnits = (log, values) => (log ? values.map((v) => 10 ** v) : values);

const isThreshold = ({ spec }) => spec.line?.shape === "hv";

/** The panels of a figure with their traces. `xkey` and `ykey` name their axes in the zoom, which
 *  show what the `shapes` are: points, whatever else is drawn, or else curves. */
function panelsOf({ figure: { layout }, traces, zoom, until }) {
  const first = new Map(); // x axis of each group: they move together
  return (layout.meta?.panels ?? []).map((meta, i) => {
    const suffix = i ? i + 1 : "", x = `xaxis${suffix}`, y = `yaxis${suffix}`;
    const title = layout[x].title?.text, xlog = layout[x].type === "log";
    const group = `${title ?? x}${xlog ? " log" : ""}`;
    if (!first.has(group)) first.set(group, `x${suffix}`);
    const scale = meta.cells || meta.equal ? null : zoom.scale(`y${suffix}`);
    const type = scale ?? layout[y].type, name = `${i} ${meta.title}`;
    const own = traces.filter(
      ({ spec }) => (spec.xaxis ?? "x") === `x${suffix}` && spec.visible !== false);
    const steps = meta.steps !== false;
    for (const trace of own) trace.until = steps ? until : Infinity;
    const curves = own.filter((t) => !isThreshold(t)), points = own.filter(isPoints);
    const map = meta.cells ? own.find(isMap) : undefined, { rows, columns } = map?.cells ?? {};
    return {
      meta, map, x, y, group, xkey: first.get(group), ykey: `y${suffix}`, key: `${name} ${type}`,
      xlog, ylog: type === "log", isStep: steps && title === "step",
      ascends: curves.every((t) => t.ascends),
      xspec: meta.cells ? edges(layout[x], columns) : layout[x],
      yspec: meta.cells ? edges(layout[y], rows) : { ...layout[y], type },
      curves, thresholds: own.filter(isThreshold), shapes: points.length ? points : curves,
    };
  });
}

/** What the axes show: x axes by their group, y axes by panel; they grow in steps. */
class Ranges extends Map {
  /** Recompute all; true when one has moved. */
  follow(panels) {
    this.moved = false;
    for (const group of new Set(panels.map((p) => p.group))) {
      const ours = panels.filter((p) => p.group === group), [{ xspec, xlog }] = ours;
      const traces = ours.flatMap((p) => [...p.shapes, ...(p.ascends && !p.xlog ? p.thresholds : [])]);
      this.reach(group, extent(traces.flatMap(spread), xlog), xspec, 10);
    }
    for (const { shapes, thresholds, key, yspec, ylog } of panels) {
      const ys = (traces) => traces.map((t) => t.arrays(t.n).y);
      this.reach(key, reach(extent(ys(shapes), ylog), ys(thresholds), ylog), yspec, 5);
    }
    return this.moved;
  }

  reach(key, data, spec, steps) {
    const old = this.get(key), log = spec.type === "log";
    const { include = [], span } = spec.autorangeoptions ?? {};
    const found = data ?? extent([include], log);
    const next = span && !log ? span : found ? settle(old, needed(found, spec, steps)) : null;
    this.moved ||= String(old) !== String(next ?? undefined);
    if (next) this.set(key, next); else this.delete(key);
  }
}

/** Whether what its colours mean stands beneath a map. */
const isBelow = ({ meta }, narrow) => Boolean(meta.below) && narrow;

/** A trace that shows nothing: plotly leaves out the axes of a panel without any. */
const blank = (panel) =>
  ({ type: "scatter", mode: "lines", x: [null], y: [null], ...axesOf(panel) });

const axesOf = ({ x, y }) => ({ xaxis: x.replace("axis", ""), yaxis: y.replace("axis", "") });
