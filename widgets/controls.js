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

  update() {
    this.fill();
    this.show();
  }

  adopt(spec) {
    this.spec = spec;
    this.update();
  }

  row(...children) {
    const { kind, help, locked } = this.spec, title = locked ? LOCKED : help;
    this.node = h("div", { class: `ew-control ew-${kind}`, title }, ...children);
  }

  field(tag, attributes, ...children) {
    const { label, help, locked } = this.spec, about = locked ? LOCKED : help;
    return h(tag, { "aria-label": label, "aria-description": about, ...attributes }, ...children);
  }

  label(text = this.spec.label) {
    return h("span", { class: "ew-label", "aria-hidden": "true" }, text);
  }

  mark() {
    return this.spec.locked ? icon(LOCK) : null;
  }

  get fixed() {
    return Boolean(this.spec.disabled || this.spec.locked);
  }

  fill() {}
}

class Slider extends Control {
  build() {
    const typed = () => (this.typed.value ? this.pick(Number(this.typed.value)) : this.show());
    this.range = this.field("input", { type: "range",
      oninput: () => this.pick(this.value(Number(this.range.value))),
      onpointerdown: () => this.hold() });
    this.typed = this.field("input", { type: "number", step: "any", class: "ew-value",
      "aria-label": `${this.spec.label}: value`,
      "aria-description": this.spec.locked ? LOCKED : null, onchange: typed });
    this.text = h("output", { class: "ew-value" });
    this.unit = h("span", { class: "ew-muted" });
    const row = h("div", { class: "ew-row" }, this.label(), this.mark(), this.typed, this.unit, this.text);
    this.row(row, this.range);
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
    if (this.choices) return this.choices[place].value;
    const { scale, step } = this.spec, value = this.scale.from(place);
    return scale === "log" && step ? Math.max(1, Math.round(value / step)) * step : value;
  }

  place(value) {
    return this.choices ? this.choices.findIndex((o) => o.value === value) : this.scale.to(value);
  }

  fill() {
    const { low, high, step, scale } = this.spec;
    const ends = this.choices ? [0, this.choices.length - 1] : [low, high].map(this.scale.to);
    const [min, max] = ends;
    const fine = this.choices ? 1 : scale === "log" ? 0.02 : step ?? (max - min) / 100;
    Object.assign(this.range, { min, max, step: fine });
  }

  show() {
    const { value, text, unit } = this.spec;
    const shown = text ?? this.choices?.find((o) => o.value === value)?.label;
    const fixed = shown !== undefined;
    if (!this.held) this.range.value = this.place(value);
    if (document.activeElement !== this.typed) this.typed.value = brief(value);
    this.typed.hidden = fixed;
    this.text.hidden = !fixed;
    this.text.textContent = shown ?? "";
    this.unit.textContent = fixed ? "" : unit ?? "";
    this.unit.hidden = !this.unit.textContent;
    this.range.disabled = this.typed.disabled = this.fixed;
    this.range.setAttribute("aria-valuetext", shown ?? `${brief(value)} ${unit ?? ""}`.trim());
  }
}

class Choice extends Control {
  build() {
    const onchange = () => this.pick(this.options[this.select.selectedIndex].value);
    this.select = this.field("select", { onchange });
    this.dot = h("span", { class: "ew-dot" });
    this.row(h("div", { class: "ew-row" }, this.label(), this.mark(), this.dot, this.select));
    this.fill();
  }

  fill() {
    this.options = asOptions(this.spec.options);
    const option = ({ label }, i) => h("option", { value: i }, label);
    this.select.replaceChildren(...this.options.map(option));
  }

  show() {
    const at = this.options.findIndex((o) => o.value === this.spec.value);
    this.select.selectedIndex = at;
    this.select.disabled = this.fixed;
    this.dot.hidden = !this.options[at]?.color;
    this.dot.style.background = this.options[at]?.color ?? "";
  }
}

class NumberField extends Control {
  build() {
    const typed = () => (this.input.value ? this.pick(Number(this.input.value)) : this.show());
    const step = this.spec.step ?? "any";
    this.input = this.field("input", { type: "number", step, onchange: typed });
    this.unit = h("span", { class: "ew-muted" });
    this.row(h("div", { class: "ew-row" }, this.label(), this.mark(), this.input, this.unit));
  }

  show() {
    this.input.value = this.spec.value;
    this.input.disabled = this.fixed;
    this.unit.textContent = this.spec.text ?? this.spec.unit ?? "";
  }
}

class Toggle extends Control {
  build() {
    const onchange = () => this.pick(this.input.checked);
    this.input = this.field("input", { type: "checkbox", onchange });
    this.row(h("label", { class: "ew-row" }, this.label(), this.mark(), this.input));
  }

  show() {
    this.input.checked = this.spec.value;
    this.input.disabled = this.fixed;
  }
}

const KINDS = { slider: Slider, choice: Choice, number: NumberField, toggle: Toggle };

class Panel {
  closed = new Set(); // titles of groups that a person folded
  controls = new Map();

  constructor(model, el) {
    Object.assign(this, { model, el });
    model.on("change:groups", () => this.build());
    model.on("msg:custom", ({ update }) => this.controls.get(update)?.adopt(specOf(model, update)));
    el.classList.add("ew-controls");
    this.build();
  }

  /** Build the controls, or where there are the same ones already, give those their new specs. */
  build() {
    const groups = this.model.get("groups"), every = groups.flatMap((group) => group.controls);
    const part = ({ id, kind, label, locked }) => [id, kind, label, locked];
    const shape = JSON.stringify(groups.map((group) => [group.title, group.controls.map(part)]));
    if (shape === this.shape) return every.forEach((spec) => this.controls.get(spec.id).adopt(spec));
    this.shape = shape;
    const focused = this.el.contains(document.activeElement) && document.activeElement.ariaLabel;
    const send = (event, value) => this.model.send({ event, value });
    this.controls = new Map(every.map((spec) => [spec.id, new KINDS[spec.kind](spec, send)]));
    this.el.replaceChildren(...groups.map((group) => this.group(group)));
    const fields = [...this.el.querySelectorAll("input, select")];
    if (focused) fields.find((field) => field.ariaLabel === focused)?.focus();
  }

  group({ title, compact, controls }) {
    const ontoggle = ({ target }) => this.closed[target.open ? "delete" : "add"](title);
    const options = { class: `ew-group ${compact ? "ew-compact" : ""}`, ontoggle };
    return h("details", { ...options, "aria-label": title, open: !this.closed.has(title) }, h("summary", {}, title),
      ...controls.map(({ id }) => this.controls.get(id).node));
  }
}

function render({ model, el }) {
  new Panel(model, el);
  const ended = new AbortController();
  ownKeys(() => el, ended.signal);
  return () => ended.abort();
}

/** A control's spec; where the kernel tells all again, that is another object of the same content. */
const specOf = (model, id) =>
  model.get("groups").flatMap((group) => group.controls).find((control) => control.id === id);

/** Views read the specs in the model, so a later view shows what was changed before it opened. */
function initialize({ model }) {
  model.on("msg:custom", ({ update, fields }) => {
    Object.assign(specOf(model, update) ?? {}, fields);
  });
}

export default { initialize, render };
