// A page without a kernel: stand-ins for the widgets' models, and who tells whom about the moment.

/** What a widget's script needs of a model; `heard` gets what a person does. */
function standIn(state, heard = () => {}) {
  const listeners = new Map();
  const of = (name) => listeners.get(name) ?? listeners.set(name, new Set()).get(name);
  return {
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      this.tell(`change:${name}`);
    },
    on: (name, f) => of(name).add(f),
    off: (name, f) => of(name).delete(f),
    tell: (name, ...what) => [...of(name)].forEach((f) => f(...what)),
    send: (content) => heard(content),
    save_changes() {},
  };
}

/** The points and cells, as a message brings them. */
function frame(message, ...texts) {
  const [points, cells] = texts.map((text) =>
    new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer));
  const masks = new DataView(new ArrayBuffer(0)); // all points are new
  return [{ type: "frame", ...message }, [points, masks, cells]];
}

function show({ figure, points, cells, moment, tracks, arm, rows }) {
  const place = (name) => document.querySelector(`[data-widget="${name}"]`);
  const models = {
    figure: standIn({ until: moment, zoom: figure.zoom, scales: figure.scales }, ({ type }) => {
      if (type === "ready") models.figure.tell("msg:custom", ...frame(figure.message, points, cells));
    }),
    messages: standIn({ rows, notices: [], until: moment }),
    timeline: standIn({ arms: tracks, arm, moment }, ({ event, value }) => {
      if (event === "seek") seek(value);
    }),
  };
  const seek = (step) => {
    models.timeline.set("moment", step);
    models.messages.set("until", step);
    models.figure.set("until", step);
  };
  for (const [name, model] of Object.entries(models)) {
    const widget = typeof scripts[name] === "function" ? scripts[name]() : scripts[name];
    widget.initialize?.({ model });
    widget.render({ model, el: place(name) });
  }
  if (tracks.length > 1) place("timeline").prepend(armChoice(models.timeline, seek));
}

/** On which arm the handle moves; a moment that it has not passed is now. */
function armChoice(timeline, seek) {
  const option = ({ id, first }) => h("option", { value: id, selected: id === timeline.get("arm") },
    first ? `arm ${id}, from step ${first.toLocaleString("en")}` : `arm ${id}`);
  const choose = ({ target }) => {
    const arm = timeline.get("arms").find(({ id }) => id === Number(target.value));
    const moment = timeline.get("moment");
    timeline.set("arm", arm.id);
    if (moment !== null) seek(moment >= arm.t ? null : Math.max(moment, arm.first));
  };
  return h("select", { "aria-label": "arm on which the handle moves", onchange: choose },
    ...timeline.get("arms").map(option));
}

/** The widgets ask the page's body for the theme, as in JupyterLab. */
function follow(dark) {
  document.body.dataset.jpThemeLight = String(!dark.matches);
}

const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => follow(dark));
follow(dark);
globalThis.edgewisePlotly = Promise.resolve(globalThis.Plotly);
const held = (id) => document.getElementById(id).textContent;
show({ ...JSON.parse(held("ew-data")), points: held("ew-points") });
