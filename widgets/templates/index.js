// Filters the cards as a person types. The words come with the page; nothing is asked of any machine.
const MOST = 3; // reasons that a card gives
const finds = JSON.parse(document.getElementById("finds").textContent);
const field = document.getElementById("search"), found = document.getElementById("found");
const cards = [...document.querySelectorAll("[data-card]")].map((node, i) => ({
  node,
  why: node.querySelector(".why"),
  seen: plain(node.querySelector("h2").textContent + [...node.querySelectorAll("p, .small")]
    .map((part) => ` ${part.textContent}`).join("")),
  finds: finds[i].map(([kind, said, more]) => ({
    kind, said, shown: plain(`${kind} ${said}`), text: plain(`${kind} ${said} ${more}`),
  })),
}));

/** Letters as they are compared: small, without accents, and words apart. */
function plain(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[_\s-]+/g, " ").trim();
}

/** Whether a word begins somewhere with what was typed. */
const has = (text, word) => text.startsWith(word) || text.includes(` ${word}`) || text.includes(`(${word}`);

/** Why a card is shown for these words: what it does not say by itself; null where one is nowhere. */
function reasons(card, words) {
  const told = new Map();
  for (const word of words) {
    const hits = card.finds.filter(({ text }) => has(text, word));
    if (!has(card.seen, word) && !hits.length) return null;
    // what is said of it tells more than what is but searched
    for (const hit of hits) told.set(hit, (told.get(hit) ?? 0) + (has(hit.shown, word) ? 10 : 1));
  }
  return [...told].sort((a, b) => b[1] - a[1]).map(([hit]) => hit)
    .filter(({ kind, said }) => kind !== "paper" || !has(card.seen, plain(said))).slice(0, MOST);
}

function search() {
  const text = field.value.trim(), words = plain(text).split(" ").filter(Boolean);
  let count = 0;
  for (const card of cards) {
    const why = reasons(card, words);
    card.node.hidden = !why;
    count += why ? 1 : 0;
    card.why.hidden = !why?.length || !words.length;
    card.why.replaceChildren(...(words.length ? why ?? [] : []).map(({ kind, said }) => {
      const item = document.createElement("li");
      item.textContent = `${kind}: ${said}`;
      return item;
    }));
  }
  const labs = `${count} of ${cards.length} labs`;
  found.textContent = !words.length ? "" : count ? labs
    : `No lab has all of “${text}”; leave a word out, or try a knob such as momentum.`;
}

/** The address says what is looked for, so that it can be passed on. */
function tell() {
  const here = new URL(location.href);
  if (field.value.trim()) here.searchParams.set("q", field.value.trim());
  else here.searchParams.delete("q");
  history.replaceState(null, "", here);
}

field.addEventListener("input", () => { search(); tell(); });
field.form.addEventListener("submit", (event) => {
  event.preventDefault();
  cards.find(({ node }) => !node.hidden)?.node.querySelector("a").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey
      && !event.target.closest("input, textarea, select")) {
    event.preventDefault();
    field.focus();
  } else if (event.key === "Escape" && event.target === field) {
    field.value = "";
    search();
    tell();
  }
});
for (const { node } of cards) { // a lab is not told what led to it
  const link = node.querySelector("a"), there = new URL(link.href);
  there.searchParams.delete("q");
  link.href = there;
}
field.value = new URLSearchParams(location.search).get("q") ?? "";
search();
