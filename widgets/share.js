// Dialogs: a link, files to take away, files to open. And the run that can be recovered.

const PIECE = 512 * 1024; // bytes a message when a file is opened
const WAYS = { free: "free", locked: "locked", hidden: "hidden" };
const BAR = "Buttons";
const STARTS = { start: "at the first step", link: "as it stands now" };
const HEADS = { share: "Share this run", download: "Take it away", open: "Open" };

class Share {
  constructor(model, el) {
    this.model = model;
    this.ways = new Map(); // id of a control -> "locked" or "hidden", for a class
    this.from = "start";
    this.strip = h("div", { class: "ew-strip", role: "region", "aria-label": "Recover", hidden: true });
    this.dialog = new Dialog();
    this.status = h("p", { class: "ew-muted", role: "status" });
    el.classList.add("ew-share");
    el.append(this.strip, this.dialog.node);
  }

  send(event, value, buffers) {
    this.model.send({ event, value }, undefined, buffers);
  }

  say(text) {
    this.status.textContent = text;
  }

  show(part) {
    this.say("");
    this.dialog.show(HEADS[part], ...this[part](), this.status);
    this.dialog.node.querySelector("input, .ew-files button")?.focus();
  }

  // ---- share

  share() {
    const link = this.model.get("link"), most = this.model.get("longest");
    const address = `${location.origin}${location.pathname}?${link}`, fits = link && address.length <= most;
    const note = fits ? null : `A link to this run would have more than ${most.toLocaleString("en")}`
      + " characters, which not every program passes on: share the recipe's file instead (Download),"
      + " which Open reads.";
    const all = fits ? [{ label: "Link", text: address }] : [];
    all.push(...this.model.get("texts"));
    const made = this.model.get("controls").length ? this.forClass() : null;
    return [note ? h("p", {}, note) : null, ...all.map((one) => this.text(one)), made].filter(Boolean);
  }

  /** A link with which students open the lab: what they cannot change, what they do not see. */
  forClass() {
    const from = this.select("Students begin", STARTS, this.from, (value) => (this.from = value));
    const all = (way) => h("button", { type: "button", onclick: () => {
      for (const [i, group] of this.model.get("controls").entries()) {
        if (way === "locked" && group.title === BAR) continue;
        for (const { id } of group.controls) this.ways.set(id, way);
        for (const select of groups.children[i].querySelectorAll("select")) select.value = way;
      }
      this.classLink();
    } }, way === "locked" ? "Lock all settings" : "Free all");
    const groups = h("div", { class: "ew-ways" }, ...this.model.get("controls").map((group) =>
      h("fieldset", {}, h("legend", {}, group.title), ...group.controls.map(({ id, label }) =>
        this.select(label, WAYS, this.ways.get(id) ?? "free", (way) => this.ways.set(id, way))))));
    this.made = this.text({ label: "Link for a class", text: "" });
    this.tooLong = h("p", { role: "status" });
    this.classLink();
    return h("details", { class: "ew-class", open: this.ways.size > 0 },
      h("summary", {}, "For a class: lock or hide controls"),
      h("p", { class: "ew-muted" }, "What is locked is shown and cannot be changed; what is hidden is not"
        + " shown. Plots and sentences stay."),
      h("div", { class: "ew-row" }, from, all("locked"), all("free")), groups, this.made, this.tooLong);
  }

  select(label, options, value, choose) {
    const node = h("select", { "aria-label": label, onchange: () => {
      choose(node.value);
      this.classLink();
    } }, ...Object.entries(options).map(([key, text]) => h("option", { value: key }, text)));
    node.value = value;
    return h("label", {}, h("span", {}, label), node);
  }

  /** Say the link as the choices now are. */
  classLink() {
    const named = (way) => [...this.ways].filter(([, own]) => own === way).map(([id]) => id).join(",");
    const locks = { lock: named("locked"), hide: named("hidden") };
    const query = [this.model.get(this.from), ...Object.entries(locks).filter(([, ids]) => ids)
      .map(([name, ids]) => `${name}=${ids}`)].join("&");
    const address = `${location.origin}${location.pathname}?${query}`, most = this.model.get("longest");
    this.made.querySelector("input").value = address;
    this.tooLong.textContent = address.length <= most ? ""
      : `This link has more than ${most.toLocaleString("en")} characters, which not every program passes`
        + " on; begin at the first step, or lock less.";
  }

  text({ label, text }) {
    const long = text.includes("\n");
    const field = h(long ? "textarea" : "input", { readonly: true, "aria-label": label,
      rows: long ? 6 : null, spellcheck: "false", onfocus: () => field.select() });
    field.value = text;
    const onclick = async () => this.say(`${label}: ${await copy(text, () => field.select())}`);
    return h("div", { class: "ew-text" }, h("span", { class: "ew-muted" }, label), field,
      h("button", { type: "button", onclick, "aria-label": `Copy: ${label}` }, "Copy"));
  }

  // ---- take away

  download() {
    const button = (file) => h("button", { type: "button", onclick: () => this.take(file) }, file.label);
    return [h("div", { class: "ew-files" }, ...this.model.get("files").map(button))];
  }

  /** Ask where to, where the browser can: then a full disk can be said. */
  async take(file) {
    let handle = null;
    try {
      handle = await globalThis.showSaveFilePicker?.({ suggestedName: file.name });
    } catch (error) {
      if (error.name === "AbortError") return;
    }
    this.say(`Making ${file.name} ...`);
    try {
      const bytes = await this.fetch(file.id);
      if (handle) await write(handle, bytes);
      else download(file.name, bytes);
      this.say(handle ? `${file.name} is written.` : `${file.name} went to the browser's downloads.`);
    } catch (error) {
      this.say(error.message);
    }
  }

  /** The bytes of a file, from Python. */
  fetch(id) {
    return new Promise((resolve, reject) => {
      const late = "The kernel did not answer within two minutes; reload the page and recover the run.";
      const timer = setTimeout(() => reject(new Error(late)), 120000);
      const receive = (message, buffers) => {
        if (message.type !== "file" || message.id !== id) return;
        this.model.off("msg:custom", receive);
        clearTimeout(timer);
        if (message.error) reject(new Error(message.error));
        else resolve(buffers[0]);
      };
      this.model.on("msg:custom", receive);
      this.send("take", id);
    });
  }

  // ---- open

  open() {
    const input = h("input", { type: "file", accept: ".json,.csv,.parquet", "aria-label": "file",
      onchange: () => input.files[0] && this.upload(input.files[0]) });
    const what = "A recipe (JSON) takes the place of the run. A record (CSV, Parquet) is drawn beside it.";
    return [h("p", {}, what), input];
  }

  async upload(file) {
    const most = this.model.get("largest");
    if (file.size > most) {
      return this.say(`${file.name} is too large; the limit is ${most / 2 ** 20} MiB.`);
    }
    this.say(`Reading ${file.name} ...`);
    for (let at = 0; at === 0 || at < file.size; at += PIECE) {
      const piece = await file.slice(at, at + PIECE).arrayBuffer();
      const value = { name: file.name, first: at === 0, last: at + PIECE >= file.size };
      this.send("file", value, [piece]);
    }
    this.dialog.node.close();
  }

  // ---- recover

  /** Say the page's address, and offer what the browser kept of earlier runs; once the lab is there. */
  offer() {
    if (!this.model.get("place")) return;
    this.kept = new Kept(this.model.get("place"), this.model.get("own"));
    this.send("address", location.search);
    this.offerTo(this.kept.others());
  }

  offerTo(olds, which = 0) {
    this.strip.hidden = !olds.length;
    if (!olds.length) return;
    const old = olds[which], next = (which + 1) % olds.length;
    const act = (label, onclick) => h("button", { type: "button", onclick }, label);
    const recover = () => {
      this.kept.replaced = old.key;
      this.send("recover", old.text);
      this.strip.hidden = true;
    };
    const forget = () => {
      this.kept.drop(old.key);
      this.offerTo(olds.filter((one) => one !== old));
    };
    const place = olds.length > 1 ? `, ${which + 1} of ${olds.length},` : "";
    this.strip.replaceChildren(
      h("span", {}, `The run from ${ago(old.time)} (${old.said})${place} can be recovered.`),
      act("Recover", recover), ...olds.length > 1 ? [act("Another", () => this.offerTo(olds, next))] : [],
      act("Forget it", forget));
  }
}

function ago(time) {
  const minutes = Math.round((Date.now() - time) / 6e4);
  if (minutes < 1) return "a moment ago";
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 1440 ? `${Math.round(minutes / 60)} h ago` : `${Math.round(minutes / 1440)} days ago`;
}

async function write(handle, bytes) {
  try {
    const file = await handle.createWritable();
    await file.write(bytes).catch(async (error) => {
      await file.abort?.();
      throw error;
    });
    await file.close();
  } catch (error) {
    throw new Error(`${handle.name} cannot be written (${error.message}); make room, or choose`
      + " another place.");
  }
}

function render({ model, el }) {
  const share = new Share(model, el);
  const receive = (message) => {
    if (message.type === "show") share.show(message.part);
    if (message.type === "keep") share.kept.put(message);
    if (message.type === "offer") share.offerTo([{ ...message, time: Date.now() }]);
  };
  const offer = () => share.offer();
  model.on("msg:custom", receive);
  model.on("change:place", offer);
  offer();
  return () => {
    model.off("msg:custom", receive);
    model.off("change:place", offer);
  };
}

export default { render };
