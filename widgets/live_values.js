// The dialog of a panel's values: its table, to be copied, and the range that is shown.

class Values {
  dialog = new Dialog();
  status = h("p", { class: "ew-muted", role: "status" });

  constructor(view) {
    this.view = view;
  }

  /** The panel as the page now has it: frames come while the dialog is open. */
  get panel() {
    return panelsOf(this.view.store)[this.at];
  }

  open(at) {
    this.at = at;
    this.status.textContent = "";
    this.shown = h("div", { class: "ew-scroll", tabindex: 0, role: "region", "aria-label": "Values" });
    this.note = h("p", { class: "ew-muted" });
    const onclick = async () => {
      const words = await copy(csvOf(this.table), () => getSelection().selectAllChildren(this.shown));
      this.status.textContent = `Table: ${words}`;
    };
    const { panel } = this, isMap = panel.meta.cells;
    this.dialog.show(`${nameOf(panel.meta)}: values`,
      h("div", { class: "ew-range" }, ...(isMap ? [] : [this.range("x"), this.range("y"), this.all()]),
        h("button", { type: "button", onclick }, "Copy as CSV")),
      this.note, this.shown, this.status);
    this.draw();
    this.shown.focus();
  }

  /** The values as they now are; another range may have brought more of them. */
  draw() {
    if (!this.dialog.node.open) return;
    const { view, panel } = this, { until } = view.store;
    this.table = tableOf(view, panel);
    const { head, rows, note } = this.table, y = titleOf(panel.yspec, "");
    const what = panel.meta.cells ? head[0] : `${y ? `${y} ` : ""}along ${titleOf(panel.xspec, "x")}`;
    const when = panel.meta.steps && until < Infinity ? `, up to step ${until.toLocaleString("en")}` : "";
    this.note.textContent = rows.length ? note : "There are no values yet.";
    this.note.hidden = !this.note.textContent;
    this.shown.replaceChildren(tableNode(this.table, `${nameOf(panel.meta)}: ${what}${when}`));
    for (const kind of ["x", "y"]) this.fill?.[kind]?.();
  }

  // ---- the range shown: what a drag in the plot does

  range(kind) {
    const { panel } = this, title = titleOf(kind === "x" ? panel.xspec : panel.yspec, kind);
    const field = (end) => h("input", { type: "number", step: "any", "aria-label": `${title} ${end}`,
      onchange: () => this.zoomTo(kind, title, ends) });
    const ends = [field("from"), field("to")];
    (this.fill ??= {})[kind] = () => {
      const [low, high] = this.view.shown(this.panel, kind);
      fromUnits(this.isLog(kind), [low, high]).forEach((v, i) => { ends[i].value = brief(v, 5); });
    };
    return h("span", {}, `${title} `, ends[0], " to ", ends[1]);
  }

  isLog(kind) {
    return this.panel[`${kind}log`];
  }

  zoomTo(kind, title, ends) {
    const values = ends.map(({ value }) => (value === "" ? NaN : Number(value)));
    const range = this.isLog(kind) ? values.map(Math.log10) : values, key = this.panel[`${kind}key`];
    if (range.every(Number.isFinite) && range[0] < range[1]) {
      this.status.textContent = "";
      this.view.zoom.set({ [key]: range });
    } else {
      const rule = `two numbers${this.isLog(kind) ? " above 0" : ""}, the first one smaller`;
      this.status.textContent = `${title}: a range is ${rule}; the old one stays.`;
    }
    this.draw();
  }

  all() {
    const onclick = () => {
      const { xkey, ykey } = this.panel;
      this.view.zoom.drop([xkey, ykey]);
      this.draw();
    };
    return h("button", { type: "button", onclick }, "Show all");
  }
}
