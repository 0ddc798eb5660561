// The timeline: a track for each arm, labelled where the curves need a key, a handle to go back with.

const ROW = 16, PAD = 8; // px

/** An arm's label: its name, and the colours and symbols of its replicas. */
function labelOf({ name, knob, replicas = [], dash }, mine) {
  const entry = ({ text, symbol: shape, color }) =>
    h("span", { class: "ew-replica" }, symbol(shape, color), text);
  const stroke = dash && dash !== "solid" ? sample(dash, replicas[0]?.color) : null;
  const words = replicas.map(({ text }) => text).filter(Boolean);
  const title = [name, words.length ? `${knob} ${words.join(", ")}` : ""].filter(Boolean).join("; ");
  const key = h("span", { class: "ew-keys" }, knob, ...replicas.map(entry));
  return h("li", { title, class: mine ? "ew-own" : null }, stroke, words.length ? null : key,
    name ? h("span", { class: "ew-name" }, name) : null, words.length ? key : null);
}

class Timeline {
  constructor(model, el) {
    this.model = model;
    this.labels = h("ul", { class: "ew-labels", "aria-label": "Key" });
    this.tracks = h("svg", { class: "ew-tracks", "aria-hidden": "true" });
    this.range = h("input", { type: "range", min: 0, step: 1, "aria-label": "moment (step)",
      oninput: () => this.seek(Number(this.range.value)) });
    this.text = h("output", { class: "ew-muted" });
    this.now = h("button", { type: "button", onclick: () => this.send(null) }, "Now");
    el.classList.add("ew-timeline");
    const rails = h("div", { class: "ew-rails" }, this.tracks, this.range);
    el.append(h("div", { class: "ew-track" }, this.labels, rails), this.text, this.now);
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

  /** Labels are drawn anew only where they say something else, so that a tip on one stays. */
  label(arms, own) {
    const told = arms.filter(({ name, replicas }) => name || replicas?.length);
    const said = JSON.stringify([told.map(({ t, ...rest }) => rest), own.id]);
    if (said === this.said) return;
    this.said = said;
    this.labels.hidden = !told.length;
    this.labels.replaceChildren(...told.map((arm) => labelOf(arm, told.length > 1 && arm.id === own.id)));
  }

  draw() {
    const arms = this.model.get("arms"), moment = this.model.get("moment"), { own, end } = this;
    if (!own) return;
    this.label(arms, own);
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
