// The control bar and its keyboard shortcuts.

const PLAY = "M4 2.5l9 5.5-9 5.5z", PAUSE = "M4.5 3v10M11.5 3v10";
const KEY_NAMES = { " ": "Space", ArrowRight: "→" };

class ControlBar {
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.buttons = h("div", { class: "ew-buttons" });
    const onchange = () => this.send("speed", this.picked());
    this.speed = h("select", { "aria-label": "speed", title: "speed", onchange });
    this.text = h("span", { class: "ew-state", role: "status", "aria-live": "off" });
    el.classList.add("ew-bar");
    el.setAttribute("role", "toolbar");
    el.setAttribute("aria-label", "Run");
    el.append(this.buttons, this.text);
  }

  send(event, value = null) {
    this.model.send({ event, value });
  }

  picked() {
    return this.speed.value === "unlimited" ? null : Number(this.speed.value);
  }

  actions() {
    const playing = this.model.get("playing");
    const play = { name: playing ? "pause" : "play", label: playing ? "Pause" : "Play",
      icon: playing ? PAUSE : PLAY, keys: [" "], primary: true };
    const full = { name: "fullscreen", label: "Full screen", icon: FULL_SCREEN, keys: ["f"] };
    return [play, ...this.model.get("buttons"), { ...full, bare: true }];
  }

  press(action) {
    if (action.disabled || action.locked) return;
    if (action.name !== "fullscreen") return this.send(action.name);
    if (document.fullscreenElement) document.exitFullscreen();
    else this.lab().requestFullscreen?.().catch(() => {});
  }

  /** The lab this bar belongs to: shortcuts work inside it. */
  lab() {
    return this.el.closest(".ew-lab") ?? this.el;
  }

  draw() {
    const { activeElement } = document;
    const focus = this.buttons.contains(activeElement) && activeElement.dataset.slot;
    const actions = this.actions();
    this.buttons.replaceChildren(...actions.map((action, slot) => this.button(action, slot)));
    const pace = this.model.get("pace");
    if (pace === "locked") this.buttons.lastChild.before(icon(LOCK));
    if (pace !== "hidden") this.buttons.lastChild.before(this.speed);
    if (focus) this.buttons.querySelector(`[data-slot="${focus}"]`)?.focus();
    this.drawSpeed();
    this.drawText();
  }

  button(action, slot) {
    const keys = (action.keys ?? []).map((key) => KEY_NAMES[key] ?? key.toUpperCase());
    const shortcut = (action.keys ?? []).map((key) => (key === " " ? "Space" : key)).join(" ");
    const title = keys.length ? `${action.label} (${keys.join(" or ")})` : action.label;
    return h("button", {
      type: "button", "data-slot": slot, "data-name": action.name,
      disabled: action.disabled || action.locked, "aria-description": action.locked ? LOCKED : null,
      class: action.primary ? "ew-primary" : null, "aria-label": action.label,
      title: action.locked ? `${action.label}: ${LOCKED}` : title,
      "aria-keyshortcuts": shortcut || null, onclick: () => this.press(action),
    }, icon(action.locked ? LOCK : action.icon), action.bare ? null : h("span", {}, action.label));
  }

  drawSpeed() {
    const speed = this.model.get("speed"), own = speed ? [speed] : [];
    const all = [...new Set([...this.model.get("speeds"), ...own])].sort((a, b) => a - b);
    const text = (v) => `${v.toLocaleString("en")} ${v === 1 ? "step" : "steps"}/s`;
    const option = (value, label) => h("option", { value, selected: value === speed }, label);
    this.speed.replaceChildren(...all.map((v) => option(v, text(v))), option("unlimited", "unlimited"));
    if (speed == null) this.speed.value = "unlimited";
    this.speed.disabled = this.model.get("pace") === "locked";
    this.speed.title = this.speed.disabled ? `speed: ${LOCKED}` : "speed";
  }

  drawText() {
    this.text.textContent = this.model.get("text");
  }

  /** A click in the lab gives it the focus, so that the shortcuts work there. */
  claim() {
    const lab = this.lab();
    lab.tabIndex = -1;
    if (!lab.contains(document.activeElement)) lab.focus({ preventScroll: true });
  }

  onKey(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (target.closest("input, select, textarea, [contenteditable=true]")) return;
    if (key === " " && target.closest("button, a, summary")) return; // its own key
    const action = this.actions().find((one) => one.keys?.includes(key));
    if (!action) return;
    event.preventDefault();
    this.press(action);
  }
}

function render({ model, el }) {
  const bar = new ControlBar(model, el);
  const on = { "change:playing": "draw", "change:buttons": "draw", "change:text": "drawText",
    "change:speed": "drawSpeed", "change:speeds": "drawSpeed", "change:pace": "draw" };
  for (const [event, method] of Object.entries(on)) model.on(event, () => bar[method]());
  bar.draw();
  const ended = new AbortController();
  ownKeys(() => bar.lab(), ended.signal);
  // The lab is known only once the view is in the page: listen to all and ask where it came from.
  const listen = (name, handle) => document.addEventListener(name, (event) => {
    if (bar.lab().contains(event.target)) handle(event);
  }, { signal: ended.signal });
  listen("keydown", (event) => bar.onKey(event));
  listen("click", () => bar.claim());
  return () => ended.abort();
}

export default { render };
