// The list of arms.

const EYE = "M1 8c3-6 11-6 14 0-3 6-11 6-14 0zM8 6a2 2 0 1 0 .01 0";

function rowOf(arm, send) {
  const shown = arm.visible !== false;
  const button = (event, label, d) => h("button", {
    type: "button", title: label, "aria-label": `${label} ${arm.name}`,
    "data-key": `${arm.id} ${event === "close"}`, onclick: () => send(event, arm.id),
  }, icon(d));
  return h("li", { class: shown ? "" : "ew-hidden" }, sample(arm.dash),
    h("span", { class: "ew-name" }, arm.name,
      h("span", { class: "ew-replicas" }, ...arm.replicas.map((r) =>
        h("span", { class: "ew-replica" }, symbol(r.symbol, r.color), r.text)))),
    button(shown ? "hide" : "show", shown ? "Hide" : "Show", EYE),
    arm.closable === false ? null : button("close", "Close", CROSS));
}

function render({ model, el }) {
  const list = h("ul", { "aria-label": "Arms" });
  const send = (event, value) => model.send({ event, value });
  const draw = () => {
    const key = list.contains(document.activeElement) && document.activeElement.dataset.key;
    list.replaceChildren(...model.get("arms").map((arm) => rowOf(arm, send)));
    if (key) list.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  };
  el.classList.add("ew-arms");
  el.append(list);
  model.on("change:arms", draw);
  draw();
}

export default { render };
