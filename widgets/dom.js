// Small helpers that the widgets' scripts share.

const SVG = "http://www.w3.org/2000/svg";

/** An element: h("button", {class: "x", onclick: f}, "text", child). Text is never parsed. */
function h(tag, attributes = {}, ...children) {
  const node = ["svg", "path", "line", "g", "text"].includes(tag)
    ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** Keep JupyterLab's one-key commands out of an element; Ctrl-S and its like still reach it. */
function ownKeys(element, signal) {
  window.addEventListener("keydown", (event) => {
    const { target, ctrlKey, metaKey, altKey } = event;
    if (!element().contains(target)) return;
    target.toggleAttribute("data-lm-suppress-shortcuts", !(ctrlKey || metaKey || altKey));
  }, { signal, capture: true });
}

/** Words for a screen reader alone, which says them once when they change. */
const aloud = () => h("span", { class: "ew-aloud", role: "status" });

/** A dialog: Esc, its button and a click beside it close it, and the focus goes back to where it was. */
class Dialog {
  node = h("dialog", { class: "ew-dialog" });

  constructor() {
    const { node } = this;
    // neither the bar's shortcuts nor the plots beneath are meant while it is open
    for (const name of ["keydown", "pointerdown", "pointermove"]) {
      node.addEventListener(name, (event) => event.stopPropagation());
    }
    node.addEventListener("click", ({ target }) => target === node && node.close());
    node.addEventListener("close", () => this.goBack());
  }

  show(title, ...content) {
    const { node } = this;
    const close = h("button", { type: "button", "aria-label": "Close", class: "ew-close",
      onclick: () => node.close() }, icon(CROSS));
    node.setAttribute("aria-label", title);
    node.replaceChildren(h("h2", {}, title), close, ...content);
    if (node.open) return;
    this.opener = document.activeElement;
    node.showModal();
  }

  /** The button that was pressed may have been drawn anew in the meantime. */
  goBack() {
    const { opener } = this, again = ({ ariaLabel }) => ariaLabel && ariaLabel === opener?.ariaLabel;
    const found = opener?.isConnected ? opener : [...document.querySelectorAll("button")].find(again);
    found?.focus();
  }
}

/** Copy a text, and show it selected; the end of a sentence that says whether it is copied. */
async function copy(text, select) {
  select();
  try {
    await navigator.clipboard.writeText(text);
    return "copied.";
  } catch {
    return "the browser does not let a page copy here; press Ctrl C.";
  }
}

/** A 16 by 16 icon drawn with the text's colour. */
const icon = (d) =>
  h("svg", { viewBox: "0 0 16 16", class: "ew-icon", "aria-hidden": "true" }, h("path", { d }));

const FULL_SCREEN = "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4";
const LOCK = "M4.8 7.2V5a3.2 3.2 0 0 1 6.4 0v2.2M3 7.2h10v6.6H3z";
const LOCKED = "locked by the link's author";
const CROSS = "M4 4l8 8M12 4l-8 8";

// A replica's symbol, 10 by 10 around 0, 0; the names are plotly's.
const SYMBOLS = {
  circle: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
  square: "M-3.6-3.6h7.2v7.2h-7.2z",
  diamond: "M0-5L4.6 0 0 5-4.6 0z",
  "triangle-up": "M0-4.8L4.8 3.6h-9.6z",
  cross: "M-1.7-4.7h3.4v3h3v3.4h-3v3h-3.4v-3h-3v-3.4h3z",
  "triangle-down": "M0 4.8L4.8-3.6h-9.6z",
  x: "M-2.2-4.6L0-2.4 2.2-4.6 4.6-2.2 2.4 0 4.6 2.2 2.2 4.6 0 2.4-2.2 4.6-4.6 2.2-2.4 0-4.6-2.2z",
  pentagon: "M0-4.8L4.6-1.5 2.8 3.9h-5.6L-4.6-1.5z",
};

const symbol = (name, colour) =>
  h("svg", { viewBox: "-5 -5 10 10", class: "ew-symbol", "aria-hidden": "true" },
    h("path", { d: SYMBOLS[name] ?? SYMBOLS.circle, style: `fill:${colour}` }));

const STROKES = {
  solid: "", dash: "5 3", dot: "2 3", dashdot: "7 3 2 3", longdash: "10 4", longdashdot: "10 3 2 3",
};

/** A piece of a line, dashed as plotly's lines of that name; in the text's colour if in no other. */
const sample = (dash, colour) =>
  h("svg", { viewBox: "0 0 28 10", class: "ew-sample", "aria-hidden": "true" },
    h("line", { x1: 0, x2: 28, y1: 5, y2: 5, "stroke-dasharray": STROKES[dash],
      style: colour ? `stroke:${colour}` : null }));

/** A number as a person writes it: four digits, no trailing zeros. */
function brief(value, digits = 4) {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(digits - 1).replace(/\.?0+e\+?/, "e");
  return String(Number(value.toPrecision(digits)));
}

/** Give a person a file of bytes or text. */
function download(name, bytes) {
  const href = URL.createObjectURL(new Blob([bytes]));
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60000);
}
