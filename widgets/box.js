// A script, folded: how to run it, its text, and buttons to take it away.

function render({ model, el }) {
  const name = model.get("name");
  const status = h("span", { class: "ew-muted", role: "status" });
  const source = h("pre", { tabindex: 0, role: "region", "aria-label": name });
  source.innerHTML = model.get("html"); // from Python's own file, escaped there
  const take = () => {
    download(name, model.get("text"));
    status.textContent = `${name} went to the browser's downloads.`;
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(model.get("text"));
      status.textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(source);
      status.textContent = "The browser does not let a page copy here; press Ctrl C.";
    }
  };
  const button = (label, act) => h("button", { type: "button", onclick: act }, label);
  const shown = model.get("record") ? " Open, in the bar above, draws that file beside the run." : "";
  const about = h("p", {}, h("code", {}, `python ${name} > curve.csv`), ` prints its curve; it needs`
    + ` ${model.get("needs")}.${shown} The tests of this project hold its curve to the lab's.`);
  const summary = h("summary", {}, h("b", {}, "Open the box"),
    `: this experiment in ${model.get("lines")} lines of plain torch`);
  const ended = new AbortController();
  ownKeys(() => el, ended.signal);
  el.classList.add("ew-box");
  el.append(h("details", {}, summary, about,
    h("div", { class: "ew-take" }, button("Copy the script", copy), button("Download it", take),
      status), source));
  return () => ended.abort();
}

export default { render };
