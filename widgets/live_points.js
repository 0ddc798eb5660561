// The points of one trace as the page has them, and how they come in messages.

/** A trace's points in arrays that double; along p, the step, which is x unless it has its own. */
class Trace {
  x = new Float32Array(256);
  y = new Float32Array(256);
  p = null;
  n = 0;
  changed = true;
  steady = 0; // points that have not changed since they were last drawn
  until = Infinity; // points beyond this p are not shown
  ascends = true; // x does
  cells = null; // of a heat map
  detail = null; // all points of the stretch that a person has zoomed to, where these are thinned

  /** Keep the first `keep` points, or of those the ones whose bits in `mask` are set; add these. */
  take({ x, y, p }, keep, mask) {
    if (!keep) Object.assign(this, { detail: null, ascends: true, p: null });
    if (p) this.p ??= this.x.slice();
    this.n = mask.length ? this.sift(keep, mask) : keep;
    this.steady = mask.length ? 0 : Math.min(this.steady, keep);
    this.grow(this.n + x.length);
    for (const [key, values] of Object.entries({ x, y, ...(p && { p }) })) this[key].set(values, this.n);
    const from = Math.max(1, this.n);
    this.n += x.length;
    if (p) this.ascends &&= rises(this.x, from, this.n);
    this.changed = true;
  }

  get keys() {
    return this.p ? ["x", "y", "p"] : ["x", "y"];
  }

  grow(n) {
    let size = this.x.length;
    while (size < n) size *= 2;
    for (const key of size > this.x.length ? this.keys : []) {
      const bigger = new Float32Array(size);
      bigger.set(this[key]);
      this[key] = bigger;
    }
  }

  sift(keep, mask) {
    let n = 0;
    for (let i = 0; i < keep; i++) {
      if (!((mask[i >> 3] >> (i & 7)) & 1)) continue;
      for (const key of this.keys) this[key][n] = this[key][i];
      n++;
    }
    return n;
  }

  /** How many of the points are shown. */
  get shown() {
    const { x, p } = this.arrays(this.n);
    return this.until === Infinity ? this.n : before(p ?? x, this.until) + 1;
  }

  /** The points to draw, in full where a person has zoomed and they are here. */
  drawn(zoomed) {
    return zoomed && this.detail && this.ascends ? this.detailed() : this.arrays(this.shown);
  }

  /** A threshold: it goes on to `right`, for it is in force; with no steps of x just from edge to edge. */
  level([left, right], ascends) {
    const { shown } = this, { x, y } = this.arrays(shown), last = y[shown - 1];
    if (!shown) return { x, y };
    if (!ascends) return { x: Float32Array.of(left, right), y: Float32Array.of(last, last) };
    return {
      x: Float32Array.of(...x, Math.max(right, x[shown - 1])), y: Float32Array.of(...y, last),
    };
  }

  /** The detail, and after it what came since. */
  detailed() {
    const { x } = this.detail, from = before(this.arrays(this.n).x, x[x.length - 1]) + 1;
    const join = (key) =>
      Float32Array.of(...(this.detail[key] ?? x), ...this[key].subarray(from, this.n));
    const whole = Object.fromEntries(this.keys.map((key) => [key, join(key)]));
    return cut(whole, before(whole.p ?? whole.x, this.until) + 1);
  }

  arrays(n) {
    return cut({ x: this.x, y: this.y, ...(this.p && { p: this.p }) }, n);
  }
}

const cut = (columns, n) =>
  Object.fromEntries(Object.entries(columns).map(([key, values]) => [key, values.subarray(0, n)]));

function rises(values, from, to) {
  for (let i = from; i < to; i++) if (values[i] < values[i - 1]) return false;
  return true;
}

/** The arrays in a message's buffers; data has [trace, points, points kept, bytes of mask] of each,
 *  and a 1 after it where its p comes too. */
function unpack(data, [bytes, masks]) {
  const { buffer, byteOffset: start, byteLength } = bytes;
  const values = new Float32Array(buffer.slice(start, start + byteLength));
  let at = 0, bit = 0;
  return data.map(([id, n, keep, size = 0, own = 0]) => {
    const next = () => values.subarray(at, (at += n));
    const points = { x: next(), y: next(), ...(own && { p: next() }) };
    const mask = Uint8Array.from({ length: size }, () => masks.getUint8(bit++));
    return { id, keep, points, mask };
  });
}

/** Index of the last of ascending values at or before x, or -1. */
function before(values, x) {
  let lo = 0, hi = values.length;
  while (lo < hi) {
    const middle = (lo + hi) >> 1;
    if (values[middle] <= x) lo = middle + 1; else hi = middle;
  }
  return lo - 1;
}
