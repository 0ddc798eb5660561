// Native controls from a spec; drags are sent about 20 times a second and the last value always.

const EVERY = 50; // ms

/** Calls `send` at once, then at most every EVERY ms, and never misses the last value. */
function throttled(send) {
  let timer = null, next;
  const fire = () => {
    timer = null;
    if (!next) return;
    const { value } = next;
    next = null;
    timer = setTimeout(fire, EVERY);
    send(value);
  };
  return (value) => {
    next = { value };
    if (timer === null) fire();
  };
}

const asOptions = (options) =>
  (options ?? []).map((o) => (typeof o === "object" ? o : { value: o, label: String(o) }));

/** Where a slider's handle is (linear in its range) for a value, and back. */
const SCALES = {
  linear: { to: (v) => v, from: (p) => Number(p.toPrecision(12)) },
  log: { to: (v) => Math.log10(v), from: (p) => Number((10 ** p).toPrecision(4)) },
};

class Control {
  constructor(spec, send) {
    this.spec = spec;
    this.send = throttled((value) => send(spec.id, value));
    this.build();
    this.show();
  }

  pick(value) {
    this.spec.value = value;
    this.show();
    this.send(value);
  }

  update(fields) {
    if (fields.options) this.fill();
    this.show();
  }

  row(...children) {
    this.node = h("div", { class: `ew-control ew-${this.spec.kind}`, title: this.spec.help }, ...children);
  }

  field(tag, attributes, ...children) {
    const { label, help } = this.spec;
    return h(tag, { "aria-label": label, "aria-description": help, ...attributes }, ...children);
  }

  label(text = this.spec.label) {
    return h("span", { class: "ew-label", "aria-hidden": "true" }, text);
  }

  fill() {}
}

class Slider extends Control {
  build() {
    const typed = () => this.typed.value !== "" && this.pick(Number(this.typed.value));
    this.range = this.field("input", { type: "range",
      oninput: () => this.pick(this.value(Number(this.range.value))),
      onpointerdown: () => this.hold() });
    this.typed = this.field("input", { type: "number", step: "any", class: "ew-value",
      "aria-label": `${this.spec.label}, value`, onchange: typed });
    this.text = h("output", { class: "ew-value" });
    this.unit = h("span", { class: "ew-muted" });
    this.row(h("div", { class: "ew-row" }, this.label(), this.typed, this.unit, this.text), this.range);
    this.fill();
  }

  /** While a person holds the handle, it is theirs: what Python says moves it afterwards. */
  hold() {
    this.held = true;
    const release = () => {
      this.held = false;
      this.show();
    };
    window.addEventListener("pointerup", release, { once: true });
  }

  get choices() {
    return this.spec.scale === "index" ? asOptions(this.spec.options) : null;
  }

  get scale() {
    return SCALES[this.spec.scale] ?? SCALES.linear;
  }

  value(place) {
    return this.choices ? this.choices[place].value : this.scale.from(place);
  }

  place(value) {
    return this.choices ? this.choices.findIndex((o) => o.value === value) : this.scale.to(value);
  }

  fill() {
    const { low, high, step, scale } = this.spec;
    const [min, max] = this.choices ? [0, this.choices.length - 1] : [this.scale.to(low), this.scale.to(high)];
    const fine = scale === "log" ? 0.02 : (max - min) / 100;
    Object.assign(this.range, { min, max, step: this.choices ? 1 : step ?? fine });
  }

  show() {
    const { value, text, unit, disabled } = this.spec;
    if ("low" in this.spec || this.choices) this.fill();
    const shown = text ?? this.choices?.find((o) => o.value === value)?.label;
    const fixed = shown !== undefined;
    if (!this.held) this.range.value = this.place(value);
    this.typed.value = typeof value === "number" ? brief(value) : "";
    this.typed.hidden = fixed;
    this.text.hidden = !fixed;
    this.text.textContent = shown ?? "";
    this.unit.textContent = fixed ? "" : unit ?? "";
    this.unit.hidden = !this.unit.textContent;
    this.range.disabled = this.typed.disabled = Boolean(disabled);
    this.range.setAttribute("aria-valuetext", shown ?? `${brief(value)} ${unit ?? ""}`.trim());
    const [min, max] = [Number(this.range.min), Number(this.range.max)];
    this.range.style.setProperty("--at", `${(100 * (Number(this.range.value) - min)) / (max - min || 1)}%`);
  }
}

class Choice extends Control {
  build() {
    this.select = this.field("select", { onchange: () => this.pick(this.options[this.select.selectedIndex].value) });
    this.dot = h("span", { class: "ew-dot" });
    this.row(h("div", { class: "ew-row" }, this.label(), this.dot, this.select));
    this.fill();
  }

  fill() {
    this.options = asOptions(this.spec.options);
    this.select.replaceChildren(...this.options.map((o, i) => h("option", { value: i }, o.label)));
  }

  show() {
    const at = this.options.findIndex((o) => o.value === this.spec.value);
    this.select.selectedIndex = at;
    this.select.disabled = Boolean(this.spec.disabled);
    this.dot.hidden = !this.options[at]?.color;
    this.dot.style.background = this.options[at]?.color ?? "";
  }
}

class NumberField extends Control {
  build() {
    const typed = () => this.input.value !== "" && this.pick(Number(this.input.value));
    this.input = this.field("input", { type: "number", step: this.spec.step ?? "any", onchange: typed });
    this.unit = h("span", { class: "ew-muted" });
    this.row(h("div", { class: "ew-row" }, this.label(), this.input, this.unit));
  }

  show() {
    this.input.value = this.spec.value;
    this.input.disabled = Boolean(this.spec.disabled);
    this.unit.textContent = this.spec.text ?? this.spec.unit ?? "";
  }
}

class Toggle extends Control {
  build() {
    this.input = this.field("input", { type: "checkbox", onchange: () => this.pick(this.input.checked) });
    this.row(h("label", { class: "ew-row" }, this.label(), this.input));
  }

  show() {
    this.input.checked = this.spec.value;
    this.input.disabled = Boolean(this.spec.disabled);
  }
}

const KINDS = { slider: Slider, choice: Choice, number: NumberField, toggle: Toggle };

function render({ model, el }) {
  let controls = new Map();
  const send = (event, value) => model.send({ event, value });
  const build = () => {
    const groups = model.get("groups");
    controls = new Map(groups.flatMap((g) => g.controls).map((c) => [c.id, new KINDS[c.kind](c, send)]));
    el.replaceChildren(...groups.map(({ title, controls: own }) =>
      h("details", { class: "ew-group", open: true }, h("summary", {}, title),
        ...own.map(({ id }) => controls.get(id).node))));
  };
  el.classList.add("ew-controls");
  model.on("change:groups", build);
  model.on("msg:custom", ({ update, fields }) => controls.get(update)?.update(fields));
  build();
}

/** Views read the specs in the model, so a later view shows what was changed before it opened. */
function initialize({ model }) {
  model.on("msg:custom", ({ update, fields }) => {
    const every = model.get("groups").flatMap((group) => group.controls);
    Object.assign(every.find((control) => control.id === update) ?? {}, fields);
  });
}

export default { initialize, render };
