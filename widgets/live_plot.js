// The page's half of LiveFigure: keeps the points, draws them, and says what it has drawn.

// A person who asks for less motion sees curves grow about four times a second.
const CALM = matchMedia("(prefers-reduced-motion: reduce)"), PACE = 250; // ms

/** One shared copy of plotly.js: the first figure of the page asks the kernel for it. */
function loadPlotly(model) {
  globalThis.edgewisePlotly ??= new Promise((resolve, reject) => {
    const receive = (message, buffers) => {
      if (message.type !== "plotly") return;
      model.off("msg:custom", receive);
      run(buffers[0]).then(resolve, reject);
    };
    model.on("msg:custom", receive);
    model.send({ type: "plotly" });
    const late = "plotly.js did not arrive from the kernel within a minute; run the cell again.";
    setTimeout(() => reject(new Error(late)), 60000);
  }).catch((error) => {
    globalThis.edgewisePlotly = undefined;
    throw error;
  });
  return globalThis.edgewisePlotly;
}

async function run(code) {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  await import(url); // as a module it sees no AMD loader's `define` and no `module`
  URL.revokeObjectURL(url);
  return globalThis.Plotly;
}

/** The figure and its points, one for all views of a model. */
class Store {
  figure = { data: [], layout: {} };
  traces = [];
  views = new Set();
  seq = 0;
  told = -Infinity; // what the kernel knows to be drawn

  constructor(model) {
    this.model = model;
    this.zoom = new Zoom(model);
    model.on("msg:custom", (message, buffers) => {
      if (message.type === "frame") this.receive(message, buffers);
      if (message.type === "detail") this.magnify(message, buffers);
      if (message.type === "ping") this.pong(message.seq);
      if (message.type === "image") this.picture(message);
    });
    for (const name of ["zoom", "scales"]) model.on(`change:${name}`, () => this.zoomed());
    model.on("change:until", () => {
      for (const trace of this.traces) trace.changed = true;
      this.draw();
    });
  }

  /** The step after which nothing is shown. */
  get until() {
    return this.model.get("until") ?? Infinity;
  }

  pong(seq) {
    if (!this.views.size) return; // nobody looks: no sign of life
    this.told = -Infinity;
    if (seq !== this.seq) this.model.send({ type: "resync" });
    else this.acknowledge();
  }

  receive({ seq, full, figure, specs = {}, data, cells = [] }, buffers) {
    if (!full && seq !== this.seq + 1) return this.model.send({ type: "resync" });
    this.seq = seq;
    if (figure) this.replace(figure);
    for (const [index, spec] of Object.entries(specs)) this.restyle(this.traces[index], spec);
    const lost = data.some(([id, , keep]) => !keep && this.traces[id].detail);
    for (const { id, keep, points, mask } of unpack(data, buffers)) {
      this.traces[id].take(points, keep, mask);
    }
    for (const one of uncells(cells, buffers[2])) {
      Object.assign(this.traces[one.id], { cells: one.cells, changed: true });
    }
    if (lost || full) this.ask();
    if (document.hidden) this.acknowledge(); // a hidden tab draws nothing and is alive all the same
    if (!CALM.matches) return this.draw();
    this.soon ??= setTimeout(() => { // what a person does is drawn at once all the same
      this.soon = undefined;
      this.draw();
    }, PACE);
  }

  magnify({ data }, buffers) {
    for (const { id, points } of unpack(data, buffers)) {
      const trace = this.traces.find(({ spec }) => spec.uid === id);
      if (trace && points.x.length) Object.assign(trace, { detail: points, changed: true });
    }
    for (const view of this.views) view.values.draw();
    this.draw();
  }

  /** Ask for all points of what is zoomed to. */
  ask() {
    const panels = panelsOf(this);
    for (const { xkey, xlog } of panels.filter((p) => p.x === p.xkey.replace("x", "xaxis"))) {
      const curves = panels.filter((p) => p.xkey === xkey).flatMap((p) => p.curves);
      const zoomed = this.zoom.of(xkey, xlog), traces = curves.map((t) => t.spec.uid);
      if (zoomed) this.model.send({ type: "zoom", range: fromUnits(xlog, zoomed), traces });
    }
  }

  /** A person has zoomed or chosen a scale, here or elsewhere. */
  zoomed() {
    for (const view of this.views) view.outdated = true;
    this.ask();
    this.draw();
  }

  /** Send a picture of the figure as a view shows it. */
  async picture({ id, format, title }) {
    const answer = { type: "image", id };
    try {
      const view = [...this.views].find(({ root }) => root.clientWidth);
      if (!view) throw new Error("the plots are not in view; scroll to them or show their tab.");
      const bytes = await new Picture(view, title).draw(format);
      this.model.send(answer, undefined, [bytes.buffer]);
    } catch ({ message }) {
      this.model.send({ ...answer, error: `The picture cannot be drawn: ${message}` });
    }
  }

  replace(figure) {
    const old = new Map(this.traces.map((trace) => [trace.spec.uid, trace]));
    this.figure = figure;
    const known = (spec) => old.get(spec.uid) ?? new Trace();
    this.traces = figure.data.map((spec) => Object.assign(known(spec), { spec }));
    for (const view of this.views) view.outdated = true;
  }

  restyle(trace, spec) {
    const look = (one) => JSON.stringify({ ...one, meta: null }); // a label needs no new drawing
    if (look(spec) !== look(trace.spec)) for (const view of this.views) view.outdated = true;
    trace.spec = spec;
  }

  draw() {
    if (this.waiting) {
      this.again = true;
      return;
    }
    this.waiting = true;
    this.again = false;
    const late = setTimeout(() => this.acknowledge(), 1000); // a browser may give no frames
    requestAnimationFrame(async () => {
      const { seq } = this;
      const traces = this.traces.filter((trace) => trace.changed);
      for (const trace of traces) trace.changed = false;
      const drawn = [...this.views].map((view) => view.draw(traces).catch((e) => view.fail(e)));
      for (const trace of traces) trace.steady = trace.n;
      await Promise.all(drawn);
      clearTimeout(late);
      this.waiting = false;
      this.acknowledge(seq);
      if (this.again) this.draw();
    });
  }

  /** Tell the kernel what has been drawn: every fourth frame, for it is not free. */
  acknowledge(seq = this.seq) {
    if (!this.views.size || (seq >= this.told && seq < this.told + 4)) return;
    this.told = seq;
    this.model.send({ type: "ack", seq });
  }
}

export default () => {
  let store;
  return {
    initialize({ model }) {
      store = new Store(model);
    },
    async render({ model, el }) {
      const wait = "Waiting for the kernel to send the plotting library ...";
      const status = h("p", { class: "ew-muted", role: "status" }, wait);
      el.append(status);
      try {
        const view = new Figure(store, el, await loadPlotly(model));
        status.remove();
        store.views.add(view);
        model.send({ type: "ready" });
        return () => view.remove();
      } catch (error) {
        status.replaceWith(sorry(error));
      }
    },
  };
};
