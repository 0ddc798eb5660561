// What a person has zoomed to, and the scales they chose: state that the kernel and links know too.

const WIDEST = 300; // powers of ten that a number can be

class Zoom {
  constructor(model) {
    this.model = model;
  }

  /** The range of an axis ("x", "y2"; x axes that move together go by the first one), or undefined. */
  of(axis, log) {
    const range = this.model.get("zoom")?.[axis];
    return log && range?.some((v) => Math.abs(v) > WIDEST) ? undefined : range;
  }

  scale(axis) {
    return this.model.get("scales")?.[axis];
  }

  set(ranges) {
    this.write("zoom", { ...this.model.get("zoom"), ...ranges });
  }

  drop(axes) {
    const left = Object.entries(this.model.get("zoom") ?? {}).filter(([axis]) => !axes.includes(axis));
    this.write("zoom", Object.fromEntries(left));
  }

  /** Choose "log" or "linear"; a range in the other one's units goes. */
  rescale(axis, type) {
    this.drop([axis]);
    this.write("scales", { ...this.model.get("scales"), [axis]: type });
  }

  write(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }
}
