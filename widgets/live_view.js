// One view of a live figure: panels' headers, the plotly figure, theme and full screen.

const MARGIN = { l: 0, r: 0, t: 0, b: 0, autoexpand: false };
const BARE = { ticks: "", ticklabelstandoff: 3, showgrid: false }; // axes of cells
const CONFIG = { displayModeBar: false, doubleClick: false, responsive: false, showTips: false };

class Figure {
  outdated = true; // the whole figure must be drawn, not only new points
  ranges = new Ranges();
  paths = new Map(); // plotly's SVG paths of each line
  pieces = new Map(); // the text of each line's path, point by point
  maps = new Map(); // the cells that are drawn
  panels = [];
  only = null; // the panel that fills the screen

  constructor(store, el, Plotly) {
    Object.assign(this, { store, Plotly, zoom: store.zoom });
    this.plot = h("div", { class: "ew-plot", "aria-hidden": "true" }); // words and table say it
    this.marks = h("svg", { class: "ew-marks", "aria-hidden": "true" });
    this.heads = new Heads(this);
    [this.hover, this.words, this.values] = [new Hover(this), new Words(this), new Values(this)];
    this.root = h("div", { class: "ew-figure", role: "group", "aria-label": "Plots" }, this.plot,
      this.marks, this.heads.root, this.hover.box, this.values.dialog.node);
    el.append(this.root);
    this.listen();
  }

  listen() {
    const { signal } = (this.ended = new AbortController());
    const on = (target, name, f) => target.addEventListener(name, f, { signal });
    const refresh = () => this.refresh();
    ownKeys(() => this.root, signal);
    const resized = () => { // an observer calls at once, and plots as large as before are drawn
      const { clientWidth, clientHeight } = this.root, { width, height } = this.whole ?? {};
      if (clientWidth !== width || clientHeight !== height) this.refresh();
    };
    this.observers = [new ResizeObserver(resized), new MutationObserver(refresh)];
    this.observers[0].observe(this.root);
    this.observers[1].observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
    on(document, "fullscreenchange", () => {
      if (document.fullscreenElement !== this.root) this.only = null;
      this.refresh();
    });
    on(document, "pointerup", () => this.outdated && this.refresh());
    for (const name of ["pointermove", "pointerdown"]) {
      on(this.root, name, (event) => this.hover.at(event));
    }
    on(this.root, "pointerdown", ({ clientX, clientY }) => { this.pressed = [clientX, clientY]; });
    on(document, "pointerup", (event) => this.pick(event));
    on(this.root, "pointerleave", () => this.hover.at(null));
  }

  /** A click, no drag, in a panel where it means something. */
  pick({ clientX, clientY }) {
    const [fromX, fromY] = this.pressed ?? [Infinity, Infinity], { left, top } = this.root.getBoundingClientRect();
    this.pressed = null;
    if (Math.hypot(clientX - fromX, clientY - fromY) > 4) return;
    const x = clientX - left, y = clientY - top;
    const i = this.panels.findIndex((p) => p.meta.pick && p.xaxis && within(p.xaxis, x) && within(p.yaxis, y));
    if (i < 0) return;
    const { xaxis, yaxis } = this.panels[i];
    const at = { x: xaxis.p2d(x - xaxis._offset), y: yaxis.p2d(y - yaxis._offset) };
    this.store.model.send({ type: "pick", panel: i, ...at });
  }

  remove() {
    this.ended.abort();
    for (const observer of this.observers) observer.disconnect();
    this.store.views.delete(this);
    this.Plotly.purge(this.plot);
  }

  /** Say that drawing failed, until it does not; the next frame is tried all the same. */
  fail(error) {
    this.outdated = true;
    this.failed?.remove();
    this.root.append((this.failed = sorry(error)));
    console.error(error);
  }

  refresh() {
    this.outdated = true;
    this.store.draw();
  }

  /** Draw: new points alone where nothing else has changed, else everything. */
  async draw(changed) {
    if (!this.root.clientWidth || this.plot._dragging) {
      this.outdated = true; // never pull a plot from under a person who is zooming
      return;
    }
    this.panels = panelsOf(this.store);
    const moved = this.ranges.follow(this.panels);
    const grown = changed.filter((t) => t.spec.visible !== false);
    if (this.outdated || moved || !grown.every((t) => this.extends(t))) await this.redraw();
    this.annotate();
    this.failed?.remove();
  }

  /** The range of a panel's x or y axis, in its own units. */
  shown(panel, kind) {
    const x = kind === "x";
    const range = this.zoom.of(x ? panel.xkey : panel.ykey, x ? panel.xlog : panel.ylog)
      ?? this.ranges.get(x ? panel.group : panel.key) ?? [0, 1];
    return !x && isMatrix(panel.map) ? [range[1], range[0]] : range;
  }

  async redraw() {
    this.outdated = false;
    this.pieces.clear();
    const font = (this.font = parseFloat(getComputedStyle(this.root).fontSize));
    const narrow = this.root.clientWidth < 36 * font;
    this.root.classList.toggle("ew-one", this.panels.length === 1);
    this.root.classList.toggle("ew-narrow", narrow); // which makes it higher
    const whole = (this.whole = { width: this.root.clientWidth, height: this.root.clientHeight });
    const rects = (this.rects = grid(this.panels.length, whole, narrow, this.only));
    const layout = { ...this.resolve(this.store.figure.layout), ...whole };
    Object.assign(layout, { margin: MARGIN, datarevision: Math.random() });
    layout.font = { ...layout.font, size: 0.82 * font };
    if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false; // a finger scrolls
    this.panels.forEach((panel, i) => this.place(panel, layout, rects.get(i), whole, font));
    const visible = this.panels.filter((_, i) => rects.has(i));
    const traces = visible.flatMap((p) => [...p.curves, ...p.thresholds]);
    const specs = this.resolve(traces.map((t) => t.spec));
    const points = (trace) => (isLine(trace) ? this.stub(trace) : this.points(trace));
    const data = traces.map((trace, i) => ({ ...specs[i], ...points(trace) }));
    await this.Plotly.react(this.plot, [...data, ...visible.map(blank)], layout, CONFIG);
    this.find(traces);
    this.maps = new Map(traces.filter(isMap).map((trace) => [trace, trace.cells]));
    for (const trace of traces) this.extends(trace);
    this.listenToPlot();
    this.heads.draw();
  }

  get isNarrow() {
    return this.root.classList.contains("ew-narrow");
  }

  place(panel, layout, rect, whole, font) {
    if (!rect) {
      delete layout[panel.x];
      delete layout[panel.y];
      return;
    }
    const head = this.isNarrow && keyOf(panel).length ? 4.1 : 2.7; // the key has a line of its own
    const width = rect.width - (panel.meta.rates ? BESIDE * font : 0);
    const domain = domains({ ...rect, width }, whole, font, head, panel.meta.cells ? panel.map ?? null : undefined,
      isBelow(panel, this.isNarrow));
    panel.domain = domain;
    const axis = (name, kind) => Object.assign(layout[name], {
      domain: domain[kind], range: [...this.shown(panel, kind)], autorange: false });
    const x = axis(panel.x, "x"), y = axis(panel.y, "y"), size = 0.82 * font;
    const long = (kind, side) => (domain[kind][1] - domain[kind][0]) * whole[side];
    const wide = long("x", "width"), high = long("y", "height");
    const title = 0.54 * size * (y.title?.text?.length ?? 0); // a long one shrinks to its axis
    x.title = { ...x.title, font: { size } };
    y.title = { ...y.title, font: { size: size * Math.min(1, high / title) } };
    y.type = panel.yspec.type;
    if (panel.meta.equal) equalise(x, y, wide, high);
    if (isMatrix(panel.map)) Object.assign(x, partTicks(panel.map));
    const showticklabels = Boolean(panel.map?.cells);
    if (panel.meta.cells) for (const one of [x, y]) Object.assign(one, { ...BARE, showticklabels });
    if (panel.ylog) Object.assign(y, logTicks(y.range, high / (1.5 * size)));
    if (panel.xlog) Object.assign(x, logTicks(x.range, wide / (3.5 * size)));
  }

  panelOf(trace) {
    return this.panels.find((p) => p.curves.includes(trace) || p.thresholds.includes(trace));
  }

  /** What is drawn of a trace: a threshold reaches to the moment shown, or to the right edge. */
  points(trace) {
    const panel = this.panelOf(trace);
    if (isMap(trace)) {
      const bar = isMatrix(trace) ? scaleBar(trace, panel.domain, 0.82 * this.font) : {};
      return { z: matrix(trace), ...bar };
    }
    if (!isThreshold(trace)) return trace.drawn(this.zoom.of(panel.xkey));
    const [left, right] = fromUnits(panel.xlog, this.shown(panel, "x"));
    const end = panel.isStep ? Math.min(right, this.store.until) : right;
    return trace.level([left, end], panel.ascends);
  }

  /** Two points in view: plotly makes one path of them, with its style, that is ours to set. */
  stub(trace) {
    const panel = this.panelOf(trace);
    return {
      x: fromUnits(panel.xlog, this.shown(panel, "x")),
      y: fromUnits(panel.ylog, this.shown(panel, "y")),
    };
  }

  /** Remember which SVG paths and images are whose. */
  find(traces) {
    const groups = [...this.plot.querySelectorAll(
      ".scatterlayer .trace, .barlayer .trace, .heatmaplayer .hm")];
    const paths = (group) => [...group.querySelectorAll(".js-line, .point path, image")];
    const nodes = new Map(groups.map((group) => [group.__data__[0].trace.uid, paths(group)]));
    this.paths = new Map(traces.map((t) => [t, nodes.get(t.spec.uid) ?? []]));
  }

  /** Redraw one trace without plotly, 15 times faster; false where that is not possible. */
  extends(trace) {
    const panel = this.panelOf(trace);
    if (!this.rects.has(this.panels.indexOf(panel))) return true;
    if (isMap(trace)) return this.repaint(trace, panel);
    const { [panel.x]: xaxis, [panel.y]: yaxis } = this.plot._fullLayout;
    const bars = trace.spec.type === "bar" && barPaths(this.points(trace), xaxis, yaxis);
    if (!bars && !isLine(trace)) return false;
    const paths = bars || [this.path(trace, panel, xaxis, yaxis)];
    const nodes = this.paths.get(trace) ?? [];
    if (paths.length !== nodes.length) return false;
    nodes.forEach((node, i) => node.setAttribute("d", paths[i]));
    return true;
  }

  /** New cells in the image that plotly made of old ones; false where they need other axes or a scale. */
  repaint(trace, panel) {
    const { cells } = trace, drawn = this.maps.get(trace), [image] = this.paths.get(trace) ?? [];
    if (drawn === cells) return true;
    if (!image || !["rows", "columns", "end"].every((key) => drawn?.[key] === cells[key])) return false;
    image.setAttribute("href", picture(this.resolve(trace.spec), cells, !isMatrix(panel.map)));
    this.maps.set(trace, cells);
    return true;
  }

  /** The path of a line; of a growing one only the new points are written anew. */
  path(trace, panel, xaxis, yaxis) {
    const { shape } = trace.spec.line, plain = shape !== "hv" && !this.zoom.of(panel.xkey);
    const pieces = (plain && this.pieces.get(trace)) || [];
    pieces.length = Math.min(pieces.length, trace.steady, trace.shown);
    extendPath(pieces, this.points(trace), xaxis, yaxis, { shape, stems: stemsOf(trace) });
    this.pieces.set(trace, pieces);
    return pieces.join("") || "M0,0";
  }

  /** Plotly knows no CSS variables: put their present values. */
  resolve(spec) {
    const css = getComputedStyle(this.root);
    const text = JSON.stringify(spec);
    const value = (_, name) => css.getPropertyValue(name).trim();
    return JSON.parse(text.replace(/var\((--[\w-]+)\)/g, value));
  }

  listenToPlot() {
    if (this.plot.dataset.heard) return;
    this.plot.dataset.heard = "yes";
    this.plot.on("plotly_doubleclick", () => this.zoom.write("zoom", {}));
    this.plot.on("plotly_relayout", (event) => {
      this.keep(Object.keys(event).map((name) => name.match(/^([xy]axis\d*)\.range/)?.[1]));
      this.outdated = true;
      this.draw([]); // at once, before the browser shows plotly's own stubs
    });
  }

  /** Keep what a person has zoomed axes to. */
  keep(axes) {
    const ranges = axes.flatMap((axis) => {
      const panel = this.panels.find((p) => p.x === axis || p.y === axis);
      const key = panel?.x === axis ? panel.xkey : panel?.ykey;
      return panel ? [[key, [...this.plot.layout[axis].range].sort((a, b) => a - b)]] : [];
    });
    if (ranges.length) this.zoom.set(Object.fromEntries(ranges));
  }

  isZoomed(panel) {
    return Boolean(this.zoom.of(panel.xkey, panel.xlog) ?? this.zoom.of(panel.ykey, panel.ylog));
  }

  /** Let a panel fill the screen (or the figure, where the browser has no full screen), and back. */
  fill(i) {
    this.only = this.only === i ? null : i;
    const full = document.fullscreenElement === this.root;
    if (this.only !== null) this.root.requestFullscreen?.().catch(() => {});
    else if (full) document.exitFullscreen();
    this.refresh();
  }

  /** Marks over the plot, and the hover box again, for the point under the mouse may have changed. */
  annotate() {
    const full = this.plot._fullLayout;
    const visible = this.panels.filter((_, i) => this.rects.has(i));
    for (const p of visible) Object.assign(p, { xaxis: full[p.x], yaxis: full[p.y] });
    const marks = visible.flatMap((p) =>
      [...marked(p, 0.8 * this.font), ...moment(p, this.store.until), ...tips(p), ...labels(p, 0.8 * this.font),
        ...ratesBeside(p, 0.8 * this.font)]);
    this.marks.replaceChildren(...marks);
    this.hover.again();
    this.words.write();
  }
}

/** A sentence in place of plots. */
const sorry = ({ message }) =>
  h("p", { role: "alert", class: "ew-notice ew-sorry" }, `The plots cannot be drawn: ${message}`);
