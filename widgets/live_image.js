// A picture of the figure as it is now seen, for a slide: on screen plotly knows no point of a curve.

const SCALE = 2; // of a png
const LEAST = 0.56; // height of the plots over their width: a slide's

class Picture {
  constructor(view, title) {
    Object.assign(this, { view, title });
    const { font, root, panels, only } = view;
    this.head = title ? 2.6 * font : 0.6 * font;
    const width = root.clientWidth, narrow = view.isNarrow;
    const height = Math.max(root.clientHeight, LEAST * width);
    this.whole = { width, height: Math.round(height + this.head) };
    this.rects = grid(panels.length, { width, height }, narrow && only === null, only);
    for (const rect of this.rects.values()) rect.top += this.head;
    this.shown = panels.filter((_, i) => this.rects.has(i));
  }

  /** Its bytes. */
  async draw(format) {
    const options = { ...this.whole, format, scale: format === "png" ? SCALE : 1, imageDataOnly: true };
    const text = await this.view.Plotly.toImage(this.figure(), options);
    return format === "svg" ? new TextEncoder().encode(text)
      : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  }

  figure() {
    const layout = this.layout();
    const panels = this.shown.map((panel) => this.onPaper(panel, layout));
    const keys = panels.flatMap((panel) => [this.words(panel), this.strokes(panel)]);
    Object.assign(layout, {
      annotations: [...this.titles(),
        ...panels.flatMap((panel) => [...this.labels(panel), ...this.rates(panel)]),
        ...keys.flatMap(({ notes }) => notes)],
      shapes: [...panels.flatMap((panel) => this.moment(panel)), ...keys.flatMap(({ shapes }) => shapes)],
    });
    const data = panels.flatMap((panel) => [...this.curves(panel), this.tips(panel), blank(panel)]);
    const beside = [...keys.flatMap(({ symbols = [] }) => symbols),
      ...panels.flatMap((panel) => ratesOf(panel, 0.8 * this.view.font))];
    data.push({ ...this.symbols(beside), xaxis: "x9", yaxis: "y9" });
    return this.view.resolve({ data, layout });
  }

  layout() {
    const { view, whole } = this, layout = structuredClone(view.store.figure.layout);
    view.panels.forEach((p, i) => view.place(p, layout, this.rects.get(i), whole, view.font));
    return Object.assign(layout, {
      ...whole, ...this.pixels(), margin: MARGIN, paper_bgcolor: "var(--ew-bg)",
      font: { ...layout.font, size: 0.82 * view.font },
    });
  }

  /** Axes over the whole picture, for what stands outside of the panels' own. */
  pixels() {
    const axis = (range, anchor) => ({ range, anchor, domain: [0, 1], visible: false });
    return { xaxis9: axis([0, this.whole.width], "y9"), yaxis9: axis([this.whole.height, 0], "x9") };
  }

  /** A panel whose axes know their pixels in the picture. */
  onPaper(panel, layout) {
    const { width, height } = this.whole;
    const axis = (name, log, size, flip) => {
      const { domain: [from, to], range: [low, high] } = layout[name], _length = (to - from) * size;
      const d2p = (v) => {
        const part = ((log ? Math.log10(v) : v) - low) / (high - low);
        return _length * (flip ? 1 - part : part);
      };
      return { _length, _offset: size * (flip ? 1 - to : from), d2p, range: [low, high] };
    };
    const xaxis = axis(panel.x, panel.xlog, width, false);
    return { ...panel, xaxis, yaxis: axis(panel.y, panel.ylog, height, true) };
  }

  /** The points that are drawn: on a logarithmic axis a threshold begins where that does, a curve at
   *  its first step but 0. */
  curves(panel) {
    const { view } = this, [left] = fromUnits(panel.xlog, view.shown(panel, "x"));
    return [...panel.curves, ...panel.thresholds].map((trace) => {
      const points = view.points(trace), { uid, ...spec } = trace.spec;
      if (isMap(trace)) return { ...spec, ...points, z: points.z.map((row) => [...row]) };
      if (stemsOf(trace) !== undefined) return { ...spec, ...this.stems(trace, panel, points) };
      const x = [...points.x].map((v) => (isThreshold(trace) && panel.xlog && v <= 0 ? left : v));
      const line = spec.line && { ...spec.line, simplify: false }; // which would put corners in it
      const y = [...points.y].map((v, i) => (panel.xlog && x[i] <= 0 ? null : v));
      return { ...spec, line, x, y };
    });
  }

  stems(trace, panel, { x, y }) {
    const base = panel.ylog ? 10 ** this.view.shown(panel, "y")[0] : 0, beside = stemsOf(trace);
    return {
      x: [...x].flatMap((v) => [v + beside, v + beside, null]),
      y: [...y].flatMap((v) => [base, v, null]),
    };
  }

  tips(panel) {
    return { ...this.symbols(tipsOf(panel)), ...axesOf(panel), cliponaxis: false };
  }

  symbols(tips) {
    const each = (key) => tips.map(({ marker }) => marker[key]);
    return {
      type: "scatter", mode: "markers", x: tips.map((tip) => tip.x), y: tips.map((tip) => tip.y),
      marker: {
        symbol: each("symbol"), color: each("color"), size: 9, opacity: 1,
        line: { color: "var(--ew-bg)", width: 0.8 },
      },
    };
  }

  titles() {
    const { view, whole } = this, { font } = view;
    const bold = (text, x, y, size) =>
      ({ ...this.note(`<b>${plain(text)}</b>`, x, y), xanchor: "left", yanchor: "top", font: { size } });
    const ours = [...this.rects].map(([i, { left, top }]) =>
      bold(nameOf(view.panels[i].meta), left + 0.7 * font, top + 0.7 * font, font));
    if (!this.title) return ours;
    return [bold(this.title, 0.7 * font, 0.7 * font, Math.min(
      1.3 * font, (1.7 * (whole.width - font)) / this.title.length)), ...ours];
  }

  get family() {
    return this.view.store.figure.layout.template.layout.font.family;
  }

  /** The strokes or symbols of what a panel's key tells apart and their words, after its title. */
  strokes(panel) {
    const { meta } = panel, { font } = this.view;
    const { left, top } = this.rects.get(this.view.panels.findIndex((p) => p.meta === meta));
    const below = this.view.isNarrow, notes = [], shapes = [], symbols = [], y = top + (below ? 3.1 : 1.35) * font;
    let x = left + (below ? 0.7 * font
      : 1.9 * font + widthOf(nameOf(meta), `bold ${font}px ${this.family}`));
    for (const one of keyOf(panel)) {
      const line = { color: one.color ?? "var(--ew-ink)", width: one.width, dash: one.dash ?? "solid" };
      const wide = one.symbol ? 10 : 24;
      if (one.symbol) symbols.push({ marker: one, x: x + 5, y });
      else shapes.push({ type: "line", ...this.paper(x, y, x + wide, y), line });
      notes.push({ ...this.note(plain(one.word), x + wide + 6, y), xanchor: "left", yanchor: "middle",
        font: { size: 0.9 * font } });
      x += wide + 20 + widthOf(one.word, `${0.9 * font}px ${this.family}`);
    }
    return { notes, shapes, symbols };
  }

  /** What the colours of a heat map mean, beside it. */
  words({ map, xaxis, yaxis }) {
    if (!map || isMatrix(map)) return { notes: [], shapes: [] };
    const { font } = this.view, x = xaxis._offset + xaxis._length + 1.2 * font;
    const words = map.spec.meta.words.filter(([, word]) => word);
    const at = (i) => yaxis._offset + 1.35 * font * i + 0.7 * font, half = 0.4 * font;
    const note = (text, i) => ({ ...this.note(plain(text), x + (i ? 1.4 * font : 0), at(i)),
      xanchor: "left", yanchor: "middle", font: { size: 0.9 * font } });
    return {
      notes: [note(map.spec.name, 0), ...words.map(([, word], i) => note(word, i + 1))],
      shapes: words.map(([fillcolor], i) => ({ type: "rect", fillcolor, line: { width: 0 },
        ...this.paper(x, at(i + 1) - half, x + 2 * half, at(i + 1) + half) })),
    };
  }

  /** Where a shape goes, from pixels. */
  paper(x0, y0, x1, y1) {
    const { width, height } = this.whole;
    return { xref: "paper", yref: "paper", x0: x0 / width, x1: x1 / width, y0: 1 - y0 / height,
      y1: 1 - y1 / height };
  }

  labels(panel) {
    const size = 0.8 * this.view.font;
    return labelsOf(panel, size).map(({ x, y, color, text }) => ({
      ...this.note(plain(text), x, y + 0.25 * size), xanchor: "right", yanchor: "bottom",
      font: { size, color }, bgcolor: "var(--ew-bg)", opacity: 0.9,
    }));
  }

  rates(panel) {
    const size = 0.8 * this.view.font;
    return ratesOf(panel, size).map(({ marker, text, x, y }) => ({
      ...this.note(plain(text), x + 0.7 * size, y), xanchor: "left", yanchor: "middle",
      font: { size, color: marker.color },
    }));
  }

  note(text, x, y) {
    const { width, height } = this.whole;
    return { text, x: x / width, y: 1 - y / height, xref: "paper", yref: "paper", showarrow: false,
      borderpad: 0 };
  }

  moment(panel) {
    const x = this.view.store.until;
    if (!moment(panel, x).length) return [];
    return [{ type: "line", xref: panel.x.replace("axis", ""), yref: `${panel.y.replace("axis", "")} domain`,
      x0: x, x1: x, y0: 0, y1: 1, layer: "below", line: { color: "var(--ew-ink)", width: 1.5 } }];
  }
}

/** How wide a text is, in pixels. */
function widthOf(text, font) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = font;
  return pen.measureText(text).width;
}

/** Text that plotly takes for no markup and no formula. */
const plain = (text) => text.replace(/[&<>$]/g, (c) => `&#${c.charCodeAt(0)};`);
