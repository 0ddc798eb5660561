// What each panel shows, in words: read where a person comes to it, never said by itself.

const LATER = 1000; // ms from a frame until its words are written
const SAID = 8; // curves or words at most
let figures = 0; // on the page

class Words {
  number = ++figures;

  constructor(view) {
    this.view = view;
  }

  /** The words of a panel, for its head to point to. */
  node(i) {
    return h("p", { hidden: true, id: this.id(i) });
  }

  id(i) {
    return `ew-about-${this.number}-${i}`;
  }

  /** Soon, and once for many frames. */
  write() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const { panels, root } = this.view;
      panels.forEach((panel, i) => {
        const node = root.querySelector(`#${this.id(i)}`);
        if (node) node.textContent = wordsOf(panel);
      });
      this.point(root);
    }, LATER);
  }

  /** The sentences beneath are what the plots say. */
  point(root) {
    const log = root.closest(".ew-lab")?.querySelector(".ew-log");
    if (!log) return;
    log.id ||= `ew-log-${this.number}`;
    root.setAttribute("aria-details", log.id);
  }
}

/** Its axes, and the last value of each curve, or how many cells are what. */
function wordsOf(panel) {
  const along = (spec, log) => `${titleOf(spec, "")}${log ? " (logarithmic)" : ""}`;
  const across = along(panel.xspec, panel.xlog), up = along(panel.yspec, panel.ylog);
  const axes = up ? `${up} over ${across}.` : `Over ${across}.`;
  const found = panel.meta.cells ? cellWords(panel) : panel.curves.flatMap(curveWords);
  const more = found.length > SAID ? [`and ${found.length - SAID} more`] : [];
  const all = [...found.slice(0, SAID), ...more];
  return `${axes} ${all.length ? `${all.join("; ")}. Its table has the values.` : "Nothing yet."}`;
}

function curveWords(trace) {
  if (isBand(trace) || !trace.shown) return [];
  const { spec, shown, x, y } = trace;
  if (isPoints(trace)) return [`${spec.name}: ${shown} points`];
  return [`${spec.name}: ${brief(y[shown - 1], 4)} at ${brief(x[shown - 1], 6)}`];
}

function cellWords({ map }) {
  const { rows, columns, values, end } = map?.cells ?? {};
  if (!rows) return [];
  const size = `${map.spec.name}: ${rows} rows, ${columns} columns`;
  if (isMatrix(map)) return [`${size}, values from \u2212${brief(end)} to ${brief(end)}`];
  const count = counted([values]), many = [...count].sort(([, a], [, b]) => b - a);
  const words = many.map(([level, n]) => [map.spec.meta.words[level]?.[1], n]);
  return [size, ...words.filter(([word]) => word).map(([word, n]) => `${word}: ${n.toLocaleString("en")}`)];
}
