// What a technique measured, by its kind: a profile, a pattern, an image or a mask.

import { unpackedMask } from "./assets.js";
import { Picture, Plot, display } from "./elements.js";

/** One of the two techniques of a file of examples. */
export class Technique {
  constructor({ arrays, described }, { name, kind, shape }) {
    const label = display(name), size = shape.reduce((a, b) => a * b);
    Object.assign(this, { name, kind, shape, label, size, axis: described.axes[name] });
    [this.stored, this.grid] = [arrays[`measured ${name}`], arrays[`grid ${name}`]?.values];
    [this.isMask, this.isCurve] = [kind === "mask", kind === "profile"];
  }

  /** A measurement by its number: values in [0, 1]. */
  measured(number) {
    if (this.isMask) return unpackedMask(this.stored, number, this.shape);
    const values = this.stored.values.subarray(number * this.size, (number + 1) * this.size);
    return this.isCurve ? values : Float32Array.from(values, value => value / 255);
  }

  /** What a decoder gives, as a measurement: of a mask it gives logits. */
  shown(decoded) {
    return this.isMask ? Float32Array.from(decoded, logit => Number(logit > 0)) : decoded;
  }

  /** A place for measurements: a plot over the profile's axis, or a picture. */
  view(text, captioned = true) {
    if (!this.isCurve) return new Picture(text, captioned);
    const { name, unit, is_log: logarithmic } = this.axis;
    return new Plot(text, `${name} [${unit || "unit unknown"}]`, logarithmic);
  }

  /** Show values in such a place; a curve has a name. */
  show(view, values, name) {
    if (this.isCurve) view.show({ [name]: { x: this.grid, y: values } });
    else view.show(values, this.shape, this.kind !== "pattern");
  }
}
