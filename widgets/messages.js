// Sentences, newest last, and notices.

const rowOf = ({ step, text, color, symbol: shape }) =>
  h("li", { "data-step": step ?? 0 },
    h("span", { class: "ew-muted" }, step == null ? "" : `step ${step.toLocaleString("en")}`),
    color ? symbol(shape, color) : h("span", {}), h("span", {}, text));

function noticeOf({ text, details }, dismiss) {
  const more = details && h("details", {}, h("summary", {}, "Details"), h("pre", {}, details));
  const name = "Dismiss";
  return h("div", { class: "ew-notice", role: "alert" }, h("div", {}, text, more || null),
    h("button", { type: "button", "aria-label": name, title: name, onclick: dismiss }, icon(CROSS)));
}

function render({ model, el }) {
  const notices = h("div", {});
  const list = h("ol"), said = aloud();
  let silent;
  const log = h("div", {
    class: "ew-log", role: "log", "aria-live": "polite", "aria-label": "What happened", tabindex: 0,
  }, list);
  const atEnd = () => log.scrollTop + log.clientHeight > log.scrollHeight - 8;
  const toEnd = () => (log.scrollTop = log.scrollHeight);
  const drawRows = () => {
    list.replaceChildren(...model.get("rows").map(rowOf));
    log.hidden = !list.children.length;
    limit();
    toEnd();
  };
  /** Sentences that come back into view were said before. */
  const travel = () => {
    log.ariaLive = "off";
    limit();
    toEnd();
    clearTimeout(silent);
    silent = setTimeout(() => (log.ariaLive = "polite"), 500);
  };
  const limit = () => {
    const until = model.get("until") ?? Infinity;
    for (const row of list.children) row.hidden = Number(row.dataset.step) > until;
  };
  const drawNotices = () => notices.replaceChildren(...model.get("notices").map((notice) =>
    noticeOf(notice, () => model.send({ event: "dismiss", value: notice.text }))));
  el.classList.add("ew-messages");
  el.append(notices, log, said);
  model.on("change:rows", drawRows);
  model.on("change:notices", drawNotices);
  model.on("change:until", travel);
  model.on("change:said", () => (said.textContent = model.get("said")));
  model.on("msg:custom", ({ row }) => {
    const follow = atEnd(); // a person who scrolled back is left there
    list.append(rowOf(row));
    limit();
    log.hidden = false;
    while (list.children.length > 200) list.firstChild.remove();
    if (follow) toEnd();
  });
  drawRows();
  drawNotices();
}

/** The model keeps the rows, so that a view opened later shows them. */
function initialize({ model }) {
  model.on("msg:custom", ({ row }) => model.get("rows").push(row));
}

export default { initialize, render };
