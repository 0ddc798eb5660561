// The key of curves: a piece of each line with the symbol at its end, and its name.

const entry = ({ name, color, symbol: shape, dash, line }) => h("li", {},
  line ? sample(dash, color) : null, shape ? symbol(shape, color) : null, h("span", {}, name));

function render({ model, el }) {
  const list = h("ul", { class: "ew-lines", "aria-label": "Key" });
  const draw = () => list.replaceChildren(...model.get("lines").map(entry));
  el.append(list);
  model.on("change:lines", draw);
  draw();
}

export default { render };
