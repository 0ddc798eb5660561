// The timeline: a track for each arm, a handle to go back with.

const ROW = 16, PAD = 8; // px

class Timeline {
  constructor(model, el) {
    this.model = model;
    this.tracks = h("svg", { class: "ew-tracks", "aria-hidden": "true" });
    this.range = h("input", { type: "range", min: 0, step: 1, "aria-label": "moment (step)",
      oninput: () => this.seek(Number(this.range.value)) });
    this.text = h("output", { class: "ew-muted" });
    this.now = h("button", { type: "button", onclick: () => this.send(null) }, "Now");
    el.classList.add("ew-timeline");
    el.append(h("div", { class: "ew-track" }, this.tracks, this.range), this.text, this.now);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.tracks);
  }

  get own() {
    return this.model.get("arms").find(({ id }) => id === this.model.get("arm"));
  }

  get end() {
    return Math.max(1, ...this.model.get("arms").map(({ t }) => t));
  }

  /** A step before the arm began is its beginning; one that it has not reached is now. */
  seek(step) {
    const past = Math.max(step, this.own.first);
    this.range.value = past;
    this.wanted = past >= this.own.t ? null : past; // the handle stays here until Python agrees
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.send(this.wanted);
    });
  }

  send(value) {
    this.wanted = value;
    this.model.send({ event: "seek", value });
  }

  draw() {
    const arms = this.model.get("arms"), moment = this.model.get("moment"), { own, end } = this;
    if (!own) return;
    this.range.max = end;
    if (this.wanted == null || this.wanted === moment) {
      this.range.value = moment ?? own.t;
      this.wanted = null;
    }
    const count = (n) => n.toLocaleString("en");
    this.text.textContent = moment === null ? `now, step ${count(own.t)}`
      : `step ${count(moment)} of ${count(own.t)}`;
    this.range.setAttribute("aria-valuetext", this.text.textContent);
    this.now.disabled = moment === null;
    const width = this.tracks.clientWidth - 2 * PAD;
    const x = (step) => PAD + (width * step) / end, y = (row) => PAD + ROW * row;
    const rows = new Map(arms.map(({ id }, row) => [id, row]));
    this.tracks.style.height = `${2 * PAD + ROW * (arms.length - 1)}px`;
    this.tracks.replaceChildren(...arms.flatMap(({ id, parent, first, t }, row) => {
      const from = rows.get(parent), x0 = x(first), mine = id === own.id ? "ew-own" : null;
      const bend = from === undefined ? "" : `M${x0},${y(from)}V${y(row)}`;
      return [h("path", { d: `${bend}M${x0},${y(row)}H${x(t)}`, class: mine }),
        h("path", { d: `M${x(t) - 3},${y(row)}h6`, class: `ew-end ${mine ?? ""}` })];
    }));
    if (moment !== null) {
      const at = x(moment), bottom = y(arms.length - 1) + PAD;
      this.tracks.append(h("path", { d: `M${at},0V${bottom}`, class: "ew-moment" }));
    }
  }
}

function render({ model, el }) {
  const timeline = new Timeline(model, el);
  const draw = () => timeline.draw();
  for (const name of ["arms", "arm", "moment"]) model.on(`change:${name}`, draw);
  draw();
  return () => {
    for (const name of ["arms", "arm", "moment"]) model.off(`change:${name}`, draw);
    timeline.observer.disconnect();
  };
}

export default { render };
