// The box with the exact values of all curves at the step under the mouse.

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
    const [curves, thresholds] = [panel.curves, panel.thresholds].map(
      (traces) => traces.map((t) => ({ spec: t.spec, ...view.points(t) })));
    const step = commonStep(curves, panel.xaxis.p2d(x - panel.xaxis._offset));
    if (step === undefined) return;
    const at = pixel(panel.xaxis, step), { _offset: y1, _length } = panel.yaxis;
    this.cursor = h("line", { x1: at, x2: at, y1, y2: y1 + _length, class: "ew-cursor" });
    view.marks.append(this.cursor);
    this.box.replaceChildren(...hoverBox(panel, curves, thresholds, step));
    this.box.hidden = false;
    const right = at + 14 + this.box.offsetWidth < view.root.clientWidth;
    this.box.style.left = `${right ? at + 14 : at - 14 - this.box.offsetWidth}px`;
    this.box.style.top = `${Math.min(y, view.root.clientHeight - this.box.offsetHeight)}px`;
  }
}

/** The step near x at which most curves have a point of their own, so that all values are exact. */
function commonStep(curves, x) {
  const count = new Map();
  for (const { x: steps } of curves) {
    const i = before(steps, x);
    for (const step of steps.subarray(Math.max(0, i - 3), i + 5)) {
      count.set(step, (count.get(step) ?? 0) + 1);
    }
  }
  const order = ([a, n], [b, m]) => m - n || Math.abs(a - x) - Math.abs(b - x);
  return [...count].sort(order)[0]?.[0];
}

/** Rows of the hover box: every curve's value at that step, a threshold's where it is in force. */
function valuesAt(curves, thresholds, step, limit = 12) {
  const exact = curves.filter(({ x }) => x[before(x, step)] === step);
  const row = ({ spec, x, y }) => ({ spec, value: y[before(x, step)] });
  return [...exact, ...thresholds].map(row).filter((r) => r.value !== undefined).slice(0, limit);
}

function hoverBox(panel, curves, thresholds, step) {
  const swatch = (spec) => spec.marker && !spec.meta?.label
    ? symbol(spec.marker.symbol, spec.marker.color)
    : h("span", { class: "ew-dash", style: `border-color:${spec.line?.color}` });
  const rows = valuesAt(curves, thresholds, step).map(({ spec, value }) =>
    h("div", {}, swatch(spec), h("span", {}, spec.name), h("b", {}, brief(value, 6))));
  const title = panel.xaxis.title?.text ?? "x";
  return [h("div", { class: "ew-muted" }, `${title} ${brief(step, 7)}`), ...rows];
}
