// The box with the exact values of all curves at the step, or near the x, under the mouse.

const MOST = 12; // rows

class Hover {
  box = h("div", { class: "ew-hover", hidden: true });
  mouse = null;

  constructor(view) {
    this.view = view;
  }

  /** The same place, for the point there may have changed. */
  again() {
    if (this.mouse) this.at(this.mouse);
  }

  at(event) {
    this.mouse = event;
    this.cursor?.remove();
    this.box.hidden = true;
    if (!event) return;
    const { view } = this, { left, top } = view.root.getBoundingClientRect();
    const x = event.clientX - left, y = event.clientY - top;
    const panel = view.panels.find((p) => p.xaxis && within(p.xaxis, x) && within(p.yaxis, y));
    if (!panel) return;
    if (panel.map) return this.over(panel, x, y);
    if (panel.curves.some(isPoints)) return; // whose x and y are no curve's
    const [curves, thresholds] = [panel.curves, panel.thresholds].map(
      (traces) => traces.filter((t) => !isBand(t)).map((t) => ({ spec: t.spec, ...view.points(t) })));
    const across = x - panel.xaxis._offset;
    const found = curves.some((curve) => curve.p)
      ? nearest(panel, curves, thresholds, across)
      : together(panel, curves, thresholds, across);
    if (!found) return;
    this.mark(panel, found);
    this.box.replaceChildren(...hoverBox(panel, found));
    this.put(pixel(panel.xaxis, found.at), y);
  }

  /** The cell of a heat map under the mouse. */
  over(panel, x, y) {
    const said = cellBox(panel, x, y);
    if (!said) return;
    this.box.replaceChildren(...said);
    this.put(x, y);
  }

  /** A line at that x and, where points are beside it, a dot on each. */
  mark({ xaxis, yaxis }, { at, rows }) {
    const x = pixel(xaxis, at), { _offset: y1, _length } = yaxis;
    const beside = rows.filter((row) => row.step !== undefined).map((row) =>
      ({ color: row.spec.line?.color, x: pixel(xaxis, row.x), y: pixel(yaxis, row.value) }));
    const seen = beside.filter((dot) => within(xaxis, dot.x) && within(yaxis, dot.y));
    this.cursor = h("g", {}, h("line", { x1: x, x2: x, y1, y2: y1 + _length, class: "ew-cursor" }),
      ...seen.map((dot) => h("path", { d: SYMBOLS.circle, style: `fill:${dot.color}`,
        transform: `translate(${dot.x} ${dot.y}) scale(0.7)` })));
    this.view.marks.append(this.cursor);
  }

  put(at, y) {
    const { view, box } = this;
    box.hidden = false;
    const right = at + 14 + box.offsetWidth < view.root.clientWidth;
    box.style.left = `${Math.max(0, right ? at + 14 : at - 14 - box.offsetWidth)}px`;
    box.style.top = `${Math.max(0, Math.min(y, view.root.clientHeight - box.offsetHeight))}px`;
  }
}

/**
 * The values at the step near the mouse at which most curves have a point of their own: they are
 * exact. A curve that goes on there without one gives its last point before, with the step of that.
 */
function together({ isStep, xaxis }, curves, thresholds, across) {
  const count = new Map(), x = xaxis.p2d(across);
  for (const { x: steps } of curves) {
    const i = before(steps, x);
    for (const step of steps.subarray(Math.max(0, i - 3), i + 5)) {
      if (Number.isFinite(xaxis.d2p(step))) count.set(step, (count.get(step) ?? 0) + 1);
    }
  }
  const away = (step) => Math.abs(xaxis.d2p(step) - across);
  const order = ([a, n], [b, m]) => m - n || away(a) - away(b);
  const at = [...count].sort(order)[0]?.[0];
  if (at === undefined) return null;
  const rows = curves.flatMap(({ spec, x: steps, y }) => {
    const i = before(steps, at), value = y[i];
    if (steps[i] === at) return [{ spec, value }];
    const goesOn = isStep && i >= 0 && i < steps.length - 1;
    return goesOn ? [{ spec, value, x: steps[i], step: steps[i] }] : [];
  });
  return { at, rows: [...rows, ...thresholds.flatMap((t) => inForce(t, at))] };
}

/** The value of a threshold that is in force at x. */
function inForce({ spec, x, y }, at) {
  const i = before(x, at);
  return i < 0 ? [] : [{ spec, value: y[i] }];
}

/** Every curve's point nearest in x to the point nearest to the mouse, with the step of each. */
function nearest({ xaxis }, curves, thresholds, across) {
  const all = curves.map(({ x }) => x), place = (x) => xaxis.d2p(x);
  const ats = all.map((x) => x[closest(x, place, across)]).filter((x) => x !== undefined);
  if (!ats.length) return null;
  const at = ats[closest(ats, place, across)], there = place(at);
  const rows = curves.flatMap(({ spec, x, y, p }) => {
    const i = closest(x, place, there);
    return i < 0 ? [] : [{ spec, value: y[i], x: x[i], step: (p ?? x)[i] }];
  });
  return { at, rows: [...rows, ...thresholds.flatMap((t) => inForce(t, at))] };
}

/** Index of the value nearest to a place, the latest of equally near ones; -1 if there is none. */
function closest(values, place, there) {
  let best = -1, least = Infinity;
  for (let i = 0; i < values.length; i++) {
    const away = Math.abs(place(values[i]) - there);
    if (away <= least) [best, least] = [i, away];
  }
  return best;
}

function hoverBox(panel, { at, rows }) {
  const swatch = (spec) => spec.marker && !isThreshold({ spec })
    ? symbol(spec.marker.symbol, spec.marker.color)
    : h("span", { class: "ew-dash", style: `border-color:${spec.line?.color};opacity:${spec.opacity ?? 1};`
      + `border-top-style:${{ solid: "solid", dot: "dotted" }[spec.line?.dash] ?? "dashed"}` });
  const when = (step) => step === undefined ? null
    : h("span", { class: "ew-muted" }, `at step ${step.toLocaleString("en")}`);
  const shown = rows.slice(0, MOST).map(({ spec, value, step }) =>
    h("div", {}, swatch(spec), h("span", {}, spec.name), h("b", {}, brief(value, 6)), when(step)));
  const more = rows.length > MOST ? h("div", { class: "ew-muted" }, `and ${rows.length - MOST} more`) : "";
  const title = panel.xaxis.title?.text ?? "x";
  return [h("div", { class: "ew-muted" }, `${title} ${brief(at, 7)}`), ...shown, more];
}
