// The headers of the panels: title or choice, and small buttons.

/** What a panel shows: its title, or what a person has picked. */
const nameOf = ({ title, choices, choice }) =>
  choices?.find(([value]) => value === choice)?.[1] ?? title;

/** What tells apart what is in a panel: strokes or symbols with words; whose matrix it is. */
function keyOf({ meta, map }) {
  if (!isMatrix(map)) return meta.key ?? [];
  const { name, marker } = map.spec;
  return [{ word: name, ...marker }];
}

/** It, for the head: strokes of columns are those of every replica. */
const strokes = (key) => key.length ? h("span", { class: "ew-key" }, ...key.map((one) =>
  h("span", {}, one.symbol ? symbol(one.symbol, one.color) : stroke(one), one.word))) : null;

const stroke = ({ width, dash, color }) => h("svg", { "aria-hidden": "true" }, h("path", {
  d: "M0 4H24", "stroke-width": width, "stroke-dasharray": dashes({ dash }),
  style: color ? `stroke:${color}` : null,
}));

/** A stroke's dashes as SVG has them. */
const dashes = ({ dash }) => dash?.replaceAll("px", "").replaceAll(",", " ");

const TABLE = "M2.5 3h11v10h-11zM2.5 6.5h11M2.5 9.7h11M6.5 3v10";

class Heads {
  root = h("div");

  constructor(view) {
    this.view = view;
  }

  /** Build them anew where they changed, and put them where the panels are. */
  draw() {
    const { panels, rects, only } = this.view;
    const zoomed = panels.map((panel) => this.view.isZoomed(panel));
    const looks = panels.map((p) => [p.meta, p.yspec.type, p.map?.spec]);
    const state = JSON.stringify([looks, zoomed, only]);
    if (state !== this.state) this.build();
    this.state = state;
    [...this.root.children].forEach((node, i) => {
      const rect = rects.get(i);
      node.hidden = !rect;
      for (const key in rect) node.style[key] = `${rect[key]}px`;
      const { _offset, _length } = this.view.plot._fullLayout[panels[i].x] ?? {};
      const { _offset: high, _length: long } = this.view.plot._fullLayout[panels[i].y] ?? {};
      node.classList.toggle("ew-below", isBelow(panels[i], this.view.isNarrow));
      node.style.setProperty("--foot", `${high + long - (rect?.top ?? 0)}px`);
      node.style.setProperty("--right", `${_offset + _length - (rect?.left ?? 0)}px`);
    });
  }

  build() {
    const focused = this.root.contains(document.activeElement) && document.activeElement.ariaLabel;
    this.root.replaceChildren(...this.view.panels.map((panel, i) => this.head(panel, i)));
    const again = [...this.root.querySelectorAll("button, select")];
    if (focused) again.find((node) => node.ariaLabel === focused)?.focus();
  }

  head(panel, i) {
    const { view } = this;
    const { title, choices } = panel.meta, name = nameOf(panel.meta);
    const button = (what, content, onclick, pressed) => h("button", {
      type: "button", "aria-label": `${name}: ${what}`, title: what, onclick, "aria-pressed": pressed,
    }, content);
    const log = panel.ylog;
    const rescale = () => view.zoom.rescale(panel.ykey, log ? "linear" : "log");
    const about = { "aria-label": name, "aria-describedby": view.words.id(i) };
    return h("section", { class: "ew-panel", ...about }, view.words.node(i),
      choices ? this.select(i, panel.meta) : h("h2", {}, title), strokes(keyOf(panel)),
      view.isZoomed(panel)
        ? button("reset zoom", "reset zoom", () => view.zoom.drop([panel.xkey, panel.ykey])) : null,
      panel.meta.cells || panel.meta.equal ? null : button("logarithmic axis", "log", rescale, String(log)),
      button("table", icon(TABLE), () => view.values.open(i)),
      button("enlarge", icon(FULL_SCREEN), () => view.fill(i), String(view.only === i)),
      panel.map ? legend(panel) : null);
  }

  select(panel, { choices, choice, label }) {
    const option = ([value, text]) => h("option", { value, selected: value === choice }, text);
    const send = ({ target }) =>
      this.view.store.model.send({ type: "choice", panel, value: target.value });
    return h("select", { "aria-label": label ?? `plot ${panel + 1}`, onchange: send },
      ...choices.map(option));
  }
}
