// What the browser keeps of runs: an entry for each lab that is open, so that no tab writes over another's.

const DAYS = 7; // that a run is kept for
const MOST = 5; // entries of one lab

class Kept {
  constructor(place, own) {
    this.prefix = `edgewise ${place} `;
    this.key = this.prefix + own;
    this.last = `edgewise tab ${place}`; // in the tab's own storage: the key that it wrote last
    this.replaced = null; // the key of an entry whose run goes on in this lab
  }

  /** Other entries of this lab, the newest first. */
  entries() {
    const all = using("localStorage", (storage) => Object.entries(storage)) ?? [];
    return all.filter(([key]) => key.startsWith(this.prefix) && key !== this.key)
      .map(([key, value]) => ({ time: 0, ...parsed(value), key })).sort((a, b) => b.time - a.time);
  }

  /** Those that are not too old; before them the one that this tab wrote. */
  others() {
    const mine = using("sessionStorage", (storage) => storage.getItem(this.last));
    return this.entries().filter((old) => Date.now() - old.time < DAYS * 864e5)
      .sort((a, b) => (b.key === mine) - (a.key === mine));
  }

  put({ text, said }) {
    const kept = JSON.stringify({ text, said, time: Date.now() });
    const old = this.entries();
    for (const { key } of old.splice(MOST - 1)) this.drop(key);
    while (!store("localStorage", this.key, kept)) {
      if (!old.length) return this.drop(this.key); // what is there is older than what it would be taken for
      this.drop(old.pop().key);
    }
    store("sessionStorage", this.last, this.key);
    this.drop(this.replaced);
    this.replaced = null;
  }

  drop(key) {
    if (key) using("localStorage", (storage) => storage.removeItem(key));
  }
}

/** What comes of a use of a storage; undefined where the browser has no room, or allows none at all. */
function using(name, act) {
  try {
    return act(globalThis[name]);
  } catch {
    return undefined;
  }
}

function store(name, key, value) {
  return using(name, (storage) => {
    storage.setItem(key, value);
    return true;
  });
}

function parsed(value) {
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}
