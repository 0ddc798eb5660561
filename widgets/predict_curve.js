// A curve that is drawn: in a frame with a mouse or a finger, or point by point with the keyboard.

const FRAME = { left: 54, top: 10, width: 210, height: 138, foot: 34 }; // in units of the view box
const STROKE = 24; // points that a stroke of the pointer leaves, at most
const MOVE = 0.02; // of a side, that an arrow key moves a point

/** How far along a side a value is, from 0 to 1, and back, with four digits. */
const placeOf = ({ low, high, log }, v) =>
  log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low);
const valueAt = ({ low, high, log }, p) => {
  const inside = Math.min(1, Math.max(0, p));
  const v = log ? low * (high / low) ** inside : low + inside * (high - low);
  return Math.min(high, Math.max(low, Number(v.toPrecision(4))));
};

const pixelX = (side, v) => FRAME.left + FRAME.width * placeOf(side, v);
const pixelY = (side, v) => FRAME.top + FRAME.height * (1 - placeOf(side, v));
const pathOf = (points, { x, y }) => points.map((p, i) =>
  `${i ? "L" : "M"}${pixelX(x, p[0]).toFixed(1)} ${pixelY(y, Math.min(y.high, Math.max(y.low, p[1]))).toFixed(1)}`).join("");

/** The frame with its axes, and curves [{points, class}] in it. */
function frameOf(question, curves, attributes = {}) {
  const { left, top, width, height, foot } = FRAME, { x, y } = question;
  const say = (value, at) => h("text", at, brief(value, 3));
  return h("svg", { viewBox: `0 0 ${left + width + 16} ${top + height + foot}`, class: "ew-frame", ...attributes },
    h("path", { class: "ew-side-lines", d: `M${left} ${top}V${top + height}H${left + width}` }),
    say(x.low, { x: left, y: top + height + 13, "text-anchor": "middle" }),
    say(x.high, { x: left + width, y: top + height + 13, "text-anchor": "middle" }),
    say(y.low, { x: left - 4, y: top + height, "text-anchor": "end" }),
    say(y.high, { x: left - 4, y: top + 9, "text-anchor": "end" }),
    h("text", { x: left + width / 2, y: top + height + 27, "text-anchor": "middle" },
      `${x.label}${x.log ? ", logarithmic" : ""}`),
    h("text", { transform: `translate(10 ${top + height / 2}) rotate(-90)`, "text-anchor": "middle" },
      `${y.label}${y.log ? ", log." : ""}`),
    ...curves.map(({ points, class: name }) => h("path", { class: name, d: pathOf(points, question) })));
}

/** An editor of points; `points` are [[x, y], ...], x ascending. */
class CurveField {
  points = [];

  constructor(question, points) {
    this.question = question;
    this.points = (points ?? []).map((p) => [...p]);
    this.box = h("div");
    this.rows = h("div", { class: "ew-points" });
    this.count = h("summary");
    const add = h("button", { type: "button", onclick: () => this.add() }, "Add a point");
    const clear = h("button", { type: "button", onclick: () => this.take([]) }, "Clear");
    this.node = h("div", {}, h("p", { class: "ew-muted" }, "Draw with the mouse or a finger; or add points, and"
      + " move each with the arrow keys, or as numbers."),
      this.box, h("div", { class: "ew-row" }, add, clear), h("details", {}, this.count, this.rows));
    this.show();
  }

  get value() {
    return this.points;
  }

  take(points, focus) {
    this.points = points;
    this.show(focus);
  }

  /** A point in the middle of the widest gap; the first two at the ends. */
  add() {
    const { x, y } = this.question, at = this.points.map((p) => placeOf(x, p[0]));
    if (this.points.length >= this.question.most) return;
    const ends = [-1e-9, ...at, 1 + 1e-9];
    let place = 0, height = 0.5;
    if (!at.length || at[0] > 0.02) place = 0;
    else if (at[at.length - 1] < 0.98) place = 1;
    else {
      const gaps = ends.slice(1).map((end, i) => end - ends[i]), i = gaps.indexOf(Math.max(...gaps));
      place = (ends[i] + ends[i + 1]) / 2;
    }
    const before = this.points.filter((_, i) => at[i] <= place).at(-1) ?? this.points[0];
    if (before) height = placeOf(y, before[1]);
    const point = [valueAt(x, place), valueAt(y, height)];
    this.take([...this.points, point].sort((a, b) => a[0] - b[0]), point);
  }

  /** Move a point by parts of the frame, but not past its neighbours. */
  move(i, dx, dy) {
    const { x, y } = this.question, [old, height] = this.points[i];
    const next = valueAt(x, placeOf(x, old) + dx), [low, high] = [this.points[i - 1], this.points[i + 1]];
    const free = (!low || next > low[0]) && (!high || next < high[0]);
    this.points[i] = [free ? next : old, dy ? valueAt(y, placeOf(y, height) + dy) : height];
    this.show(this.points[i]);
  }

  // ---- with a pointer

  begin(event) {
    if (event.button || event.target.tabIndex === 0) return;
    event.preventDefault();
    const stroke = new Map(), bins = STROKE - 1;
    const draw = (one) => {
      const box = this.svg.getBoundingClientRect(), scale = (FRAME.left + FRAME.width + 16) / box.width;
      const px = ((one.clientX - box.left) * scale - FRAME.left) / FRAME.width;
      const py = 1 - ((one.clientY - box.top) * scale - FRAME.top) / FRAME.height;
      const place = Math.min(1, Math.max(0, px));
      stroke.set(Math.round(place * bins), [valueAt(this.question.x, place), valueAt(this.question.y, py)]);
      this.points = ascending([...stroke.values()]);
      this.line.setAttribute("d", pathOf(this.points, this.question));
    };
    const end = () => {
      window.removeEventListener("pointermove", draw);
      this.show();
    };
    draw(event);
    window.addEventListener("pointermove", draw);
    window.addEventListener("pointerup", end, { once: true });
    window.addEventListener("pointercancel", end, { once: true });
  }

  // ---- what is shown

  show(focus) {
    const { question, points } = this;
    const opened = this.rows.contains(document.activeElement); // a person types there
    this.svg = frameOf(question, [{ points, class: "ew-drawn" }],
      { role: "group", "aria-label": `Your curve: ${question.y.label} against ${question.x.label}`,
        onpointerdown: (event) => this.begin(event) });
    this.line = this.svg.querySelector(".ew-drawn");
    const dots = points.map((p, i) => this.dot(p, i));
    this.svg.append(...dots);
    this.box.replaceChildren(this.svg);
    this.count.textContent = `Points as numbers (${points.length})`;
    this.rows.replaceChildren(...points.map((p, i) => this.row(p, i)));
    const at = points.indexOf(focus);
    if (at >= 0 && !opened) dots[at].focus();
  }

  dot([x, y], i) {
    const { question } = this, arrows = { ArrowLeft: [-MOVE, 0], ArrowRight: [MOVE, 0], ArrowUp: [0, MOVE], ArrowDown: [0, -MOVE] };
    const onkeydown = (event) => {
      if (event.key === "Delete" || event.key === "Backspace") this.take(this.points.filter((_, k) => k !== i));
      else if (arrows[event.key]) this.move(i, ...arrows[event.key]);
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    return h("path", { d: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z", class: "ew-dot-point", tabindex: 0, role: "slider",
      "aria-label": `point ${i + 1}`, "aria-valuenow": y, "aria-valuemin": question.y.low, "aria-valuemax": question.y.high,
      "aria-valuetext": `${question.x.label} ${brief(x, 3)}, ${question.y.label} ${brief(y, 3)}`,
      transform: `translate(${pixelX(question.x, x)} ${pixelY(question.y, y)})`, onkeydown });
  }

  row(point, i) {
    const field = (name, k) => {
      const input = h("input", { type: "number", step: "any", value: point[k],
        "aria-label": `${name} of point ${i + 1}`, onchange: () => {
          if (input.value === "") return this.show();
          point[k] = Number(input.value);
          this.take([...this.points].sort((a, b) => a[0] - b[0]));
        } });
      return input;
    };
    const away = h("button", { type: "button", "aria-label": `Remove point ${i + 1}`,
      onclick: () => this.take(this.points.filter((p) => p !== point)) }, "×");
    return h("div", { class: "ew-row" }, field(this.question.x.label, 0), field(this.question.y.label, 1), away);
  }
}

/** By x, each x once. */
const ascending = (points) =>
  points.sort((a, b) => a[0] - b[0]).filter((p, i, all) => !i || p[0] > all[i - 1][0]);
