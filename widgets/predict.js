// A prediction: its question, the field for it, and afterwards both figures and the score.

class NumberField {
  constructor({ low, high, log, unit, kind }, value) {
    const to = (v) => (log ? Math.log10(v) : v), from = (p) => (log ? 10 ** p : p);
    const whole = kind === "step", round = (v) => (whole ? Math.round(v) : Number(v.toPrecision(3)));
    const middle = round(from((to(low) + to(high)) / 2)), start = typeof value === "number" ? value : middle;
    const [min, max] = [low, high].map(to);
    this.range = h("input", { type: "range", min, max, step: (max - min) / 200, "aria-label": "prediction, on a scale",
      oninput: () => this.show(round(from(Number(this.range.value)))) });
    this.typed = h("input", { type: "number", step: "any", "aria-label": "prediction", "aria-description": unit,
      oninput: () => this.typed.value && this.place(Number(this.typed.value)) });
    this.place = (v) => {
      this.range.value = to(Math.max(v, log ? 1e-300 : v));
      this.range.setAttribute("aria-valuetext", `${brief(v, 3)} ${unit}`.trim());
    };
    this.show = (v) => {
      this.typed.value = v;
      this.place(v);
    };
    this.never = whole ? h("input", { type: "checkbox", checked: value === "never", onchange: () => this.able() }) : null;
    this.able = () => { this.range.disabled = this.typed.disabled = Boolean(this.never?.checked); };
    this.node = h("div", {}, h("div", { class: "ew-row" }, this.typed, h("span", { class: "ew-muted" }, unit),
      this.never ? h("label", { class: "ew-never" }, this.never, "never") : null), this.range);
    this.show(start);
    this.able();
  }

  get value() {
    return this.never?.checked ? "never" : this.typed.value === "" ? null : Number(this.typed.value);
  }
}

class ChoiceField {
  constructor({ options, ask }, value) {
    const name = `ew-choice-${Math.random().toString(36).slice(2)}`;
    const one = (o) => h("label", { class: "ew-option" },
      h("input", { type: "radio", name, value: o.value, checked: o.value === value }), h("span", {}, o.label));
    this.node = h("div", { role: "radiogroup", "aria-label": ask }, ...options.map(one));
  }

  get value() {
    return this.node.querySelector("input:checked")?.value ?? null;
  }
}

const FIELDS = { number: NumberField, step: NumberField, choice: ChoiceField, curve: CurveField };

class Card {
  changing = false;
  folded = false; // by itself, where there is nothing to say

  constructor(model, el) {
    Object.assign(this, { model, el });
    el.classList.add("ew-predict");
    this.result = h("div", { role: "status" });
    this.note = h("p", { class: "ew-note", role: "alert" });
    model.on("change:question", () => this.build());
    model.on("change:made change:fixed", () => this.settle());
    model.on("change:result change:note", () => this.tell());
    model.on("msg:custom", (message) => message.type === "file" && download(message.name, message.text));
    this.build();
  }

  /** Another question. */
  build() {
    this.changing = false;
    this.field = null;
    const question = this.model.get("question");
    this.el.hidden = !question.kind;
    if (!question.kind) return this.el.replaceChildren();
    this.body = h("div");
    this.el.replaceChildren(h("details", { class: "ew-group", open: true },
      h("summary", {}, "Predict first"), h("p", { class: "ew-ask" }, question.ask), this.body, this.result, this.note));
    this.settle();
    this.tell();
  }

  /** The field, while a prediction can be made; or the prediction. */
  settle() {
    if (!this.body) return;
    const made = this.model.get("made") ?? null, fixed = this.model.get("fixed");
    if (fixed) this.changing = false;
    this.fold(fixed && made === null);
    const had = this.body.contains(document.activeElement);
    if (!fixed && (made === null || this.changing)) this.ask(made);
    else if (made === null) this.body.replaceChildren(h("p", { class: "ew-muted" },
      "The run has begun without a prediction. Begin anew to make one."));
    else this.body.replaceChildren(this.given(fixed));
    if (had) this.body.querySelector("button, input")?.focus();
    this.tell();
  }

  /** Leave the room to the controls, and take it again. */
  fold(away) {
    const card = this.el.firstChild;
    if (away) this.folded ||= card.open;
    if (away || this.folded) card.open = !away;
    if (!away) this.folded = false;
  }

  ask(made) {
    const question = this.model.get("question");
    this.field ??= new FIELDS[question.kind](question, made);
    const send = () => {
      this.changing = false;
      this.model.send({ event: "predict", value: this.field.value });
      if (JSON.stringify(this.field.value) === JSON.stringify(made)) this.settle();
    };
    this.body.replaceChildren(this.field.node, h("button", { type: "button", class: "ew-primary", onclick: send }, "Predict"));
  }

  given(fixed) {
    const change = () => {
      this.changing = true;
      this.field = null;
      this.settle();
    };
    const rule = fixed ? "It is fixed, for the run has begun." : "It can be changed until the first step.";
    return h("div", {}, h("p", {}, "Your prediction: ", h("strong", {}, this.model.get("said"))),
      this.model.get("result").reason ? null : h("p", { class: "ew-muted" }, rule),
      fixed ? null : h("button", { type: "button", onclick: change }, "Change"));
  }

  /** What came out. */
  tell() {
    const result = this.model.get("result"), question = this.model.get("question"), note = this.model.get("note");
    this.note.textContent = note;
    this.note.hidden = !note;
    const key = JSON.stringify([result, this.model.get("made")]);
    if (key === this.told) return;
    this.told = key;
    if (!result.reason) return this.result.replaceChildren();
    const percent = Math.round(100 * result.points);
    const curves = result.curve ? [{ points: result.curve, class: "ew-measured" },
      { points: this.model.get("made"), class: "ew-drawn" }] : [];
    const frame = result.curve ? [frameOf(question, curves, { role: "img", "aria-label": "Both curves" }),
      h("p", { class: "ew-muted" }, "Dotted: your prediction. Full: what came out.")] : [];
    this.result.replaceChildren(h("p", {}, "It came out: ", h("strong", {}, result.outcome)), ...frame,
      h("p", {}, "Score: ", h("strong", {}, `${percent} of 100`)), h("p", { class: "ew-muted" }, result.reason),
      h("button", { type: "button", onclick: () => this.model.send({ event: "take", value: null }) }, "Hand in (JSON)"));
    const rule = this.body.querySelector("p.ew-muted");
    if (rule) rule.hidden = true;
  }
}

function render({ model, el }) {
  new Card(model, el);
  const ended = new AbortController();
  ownKeys(() => el, ended.signal);
  return () => ended.abort();
}

export default { render };
