// The page's half of LiveFigure: keeps the points, draws them, and says what it has drawn.

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

/** A trace's points in arrays that double. */
class Trace {
  x = new Float32Array(256);
  y = new Float32Array(256);
  n = 0;
  changed = true;
  steady = 0; // points that have not changed since they were last drawn
  until = Infinity; // points beyond this x are not shown
  detail = null; // all points of the stretch that a person has zoomed to, where these are thinned

  /** Keep the first `keep` points, or of those the ones whose bits in `mask` are set; add these. */
  take(x, y, keep, mask) {
    if (!keep) this.detail = null;
    this.n = mask.length ? this.sift(keep, mask) : keep;
    this.steady = mask.length ? 0 : Math.min(this.steady, keep);
    while (this.n + x.length > this.x.length) {
      for (const key of ["x", "y"]) {
        const bigger = new Float32Array(2 * this[key].length);
        bigger.set(this[key]);
        this[key] = bigger;
      }
    }
    this.x.set(x, this.n);
    this.y.set(y, this.n);
    this.n += x.length;
    this.changed = true;
  }

  sift(keep, mask) {
    let n = 0;
    for (let i = 0; i < keep; i++) {
      if (!((mask[i >> 3] >> (i & 7)) & 1)) continue;
      this.x[n] = this.x[i];
      this.y[n++] = this.y[i];
    }
    return n;
  }

  /** How many of the points are shown. */
  get shown() {
    return this.until === Infinity ? this.n : before(this.arrays(this.n).x, this.until) + 1;
  }

  /** x and y to draw; a threshold goes on to `right`, for it is still in force. */
  drawn(right, zoomed) {
    if (zoomed && this.detail) return this.detailed();
    const { shown } = this, { x, y } = this.arrays(shown);
    if (!shown || this.spec.line?.shape !== "hv") return { x, y };
    const end = Math.max(Math.min(right, this.until), x[shown - 1]);
    return { x: Float32Array.of(...x, end), y: Float32Array.of(...y, y[shown - 1]) };
  }

  /** The detail, and after it what came since. */
  detailed() {
    const { x, y } = this.detail, from = before(this.arrays(this.n).x, x[x.length - 1]) + 1;
    const join = (all, tail) => Float32Array.of(...all, ...tail.subarray(from, this.n));
    const whole = { x: join(x, this.x), y: join(y, this.y) };
    const n = before(whole.x, this.until) + 1;
    return { x: whole.x.subarray(0, n), y: whole.y.subarray(0, n) };
  }

  arrays(n) {
    return { x: this.x.subarray(0, n), y: this.y.subarray(0, n) };
  }
}

/** The arrays in a message's buffers; data has [trace, points, points kept, bytes of mask] of each. */
function unpack(data, [bytes, masks]) {
  const { buffer, byteOffset: start, byteLength } = bytes;
  let values = new Float32Array(buffer.slice(start, start + byteLength)), at = 0;
  return data.map(([id, n, keep, size = 0]) => {
    const [x, y] = [values.subarray(0, n), values.subarray(n, 2 * n)];
    values = values.subarray(2 * n);
    const mask = Uint8Array.from({ length: size }, () => masks.getUint8(at++));
    return { id, keep, x, y, mask };
  });
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
    model.on("msg:custom", (message, buffers) => {
      if (message.type === "frame") this.receive(message, buffers);
      if (message.type === "detail") this.magnify(message, buffers);
      if (message.type === "ping") this.pong(message.seq);
    });
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

  receive({ seq, full, figure, specs = {}, data }, buffers) {
    if (!full && seq !== this.seq + 1) return this.model.send({ type: "resync" });
    this.seq = seq;
    if (figure) this.replace(figure);
    for (const [index, spec] of Object.entries(specs)) this.restyle(this.traces[index], spec);
    const lost = data.some(([id, , keep]) => !keep && this.traces[id].detail);
    for (const { id, keep, x, y, mask } of unpack(data, buffers)) {
      this.traces[id].take(x, y, keep, mask);
    }
    if (lost) for (const view of this.views) view.ask();
    if (document.hidden) this.acknowledge(); // a hidden tab draws nothing and is alive all the same
    this.draw();
  }

  magnify({ data }, buffers) {
    for (const { id, x, y } of unpack(data, buffers)) {
      const trace = this.traces.find(({ spec }) => spec.uid === id);
      if (trace && x.length) Object.assign(trace, { detail: { x, y }, changed: true });
    }
    this.draw();
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
