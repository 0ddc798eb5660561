// What the browser keeps of runs: an entry for each lab that is open, so that no tab writes over another's.

const DAYS = 7; // that a run is kept for
const MOST = 5; // entries of one lab

class Kept {
  constructor(place, own) {
    this.prefix = `edgewise ${place} `;
    this.key = this.prefix + own;
    this.last = `edgewise tab ${place}`; // in the tab's own storage: the key that it wrote last
    this.replaced = null; // an entry whose run goes on in this lab
  }

  /** Other entries of this lab, the newest first; before them the one that this tab wrote. */
  others() {
    const found = [];
    for (const [key, value] of entries(localStorage)) {
      const old = key.startsWith(this.prefix) && key !== this.key ? parsed(value) : null;
      if (old && Date.now() - old.time < DAYS * 864e5) found.push({ ...old, key });
    }
    const mine = entries(sessionStorage).find(([key]) => key === this.last)?.[1];
    return found.sort((a, b) => (b.key === mine) - (a.key === mine) || b.time - a.time);
  }

  put({ text, said }) {
    const kept = JSON.stringify({ text, said, time: Date.now() });
    const old = this.others().sort((a, b) => b.time - a.time);
    for (const one of old.splice(MOST - 1)) drop(one.key);
    while (!store(localStorage, this.key, kept)) {
      if (!old.length) return drop(this.key); // what is there is older than what it would be taken for
      drop(old.pop().key);
    }
    store(sessionStorage, this.last, this.key);
    if (this.replaced) drop(this.replaced);
    this.replaced = null;
  }
}

function entries(storage) {
  try {
    return Object.entries(storage);
  } catch { // none is allowed here: nothing is kept
    return [];
  }
}

function parsed(value) {
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}

function store(storage, key, value) {
  try {
    storage.setItem(key, value);
    return true;
  } catch {
    return false;
  }
}

function drop(key) {
  try {
    localStorage.removeItem(key);
  } catch { /* no storage */ }
}
