// A PairVAE: each of its two decoders, moved by sliders.

import { loadedNetwork, unpackedMask } from "./assets.js";
import { CorrelationMap, Latest, Picture, Plot, Slider, display, element } from "./elements.js";
import { azimuthalAverage, directionalCorrelation, meanDifference, normalNumbers, overlap, twoPointCorrelation } from "./statistics.js";

const VARIANCES = [0, 0.1, 0.25, 0.5, 1, 2, 4]; // in that of the paper's Fig. 7; S7 and S8 are below and above 1
const REACH = 3; // standard deviations to either side of an example
const STEP = 0.1;
const AT_FIRST = 2; // directions that are seen at first

/** One panel for each route of a PairVAE. */
export async function routePanels(get, folder, { arrays, described }, ran) {
  const techniques = described.modalities.map(one => one.name), decoders = {};
  for (const name of techniques) {
    decoders[name] = await loadedNetwork(get, `${folder}/${name}_decoder.onnx`, "decoder");
  }
  const loaded = { arrays, described, techniques, decoders };
  return [techniques, [...techniques].reverse()].map(([from, to]) => new Route(loaded, from, to, ran));
}

const asMask = logits => Float32Array.from(logits, logit => Number(logit > 0));

/** A slider between what its two ends draw, with what they change in numbers. */
class Ends {
  constructor(slider, number, shape, isMask) {
    Object.assign(this, { slider, number, shape, isMask });
    this.pictures = [-REACH, REACH].map(amount => new Picture(`Direction ${number + 1} at ${amount} sd`, false));
    this.words = element("small", { id: `${slider.input.id}-ends` });
    slider.input.setAttribute("aria-describedby", this.words.id);
    this.drawn = shape.length === 2;
    const [low, high] = this.drawn ? this.pictures.map(one => one.node) : ["", ""];
    this.node = element("div", { className: `pairvae-direction${this.drawn ? "" : " plain"}` }, low, slider.node, high, this.words);
  }

  show(ends) {
    const values = ends.map(end => (this.isMask ? asMask(end) : end));
    values.forEach((value, k) => this.pictures[k].show(value, this.shape, this.isMask));
    const [low, high] = values.map(value => (value.reduce((a, b) => a + b) / value.length).toFixed(2));
    const what = this.isMask ? "bright fraction" : "mean intensity", same = low === high;
    this.words.textContent = same ? `${what} stays at ${low}` : `${what} goes from ${low} to ${high}`;
  }
}

/** One route: an example's measurement, what is decoded near its latent, and the truth. */
class Route {
  constructor(loaded, source, target, ran) {
    Object.assign(this, { loaded, source, target, ran, latest: new Latest(() => this.frame(), ran) });
    const { arrays, described } = loaded;
    this.directions = arrays[`directions ${source}`];
    this.features = this.directions.shape[1];
    this.shapes = Object.fromEntries(described.modalities.map(one => [one.name, one.shape]));
    this.toMask = target === loaded.techniques[1];
    const [from, to] = [display(source), display(target)];
    const isMask = name => name === loaded.techniques[1];
    const view = (name, text) => {
      if (this.shapes[name].length === 1) return new Plot(text, `q [${described.q_unit || "unit not stated"}]`, true);
      const picture = new Picture(text);
      return { node: picture.node, show: values => picture.show(values, this.shapes[name], isMask(name)) };
    };
    this.given = view(source, `${from}, given`);
    this.result = view(target, `${to}, decoded`);
    this.truth = this.shapes[target].length === 1 ? null : view(target, `${to}, true`);
    this.plot = this.truth && new Plot(
      this.toMask ? "Two-point correlation S₂(r)" : "Intensity, mean over rings",
      this.toMask ? "distance r [px]" : "radius [px]",
    );

    this.reach = this.toMask ? Math.floor(Math.min(...this.shapes[target]) / 4) : 0;
    this.maps = this.toMask ? ["decoded", "true"].map(name => new CorrelationMap(`A₂, ${name}`)) : [];

    const change = () => this.latest.run();
    const signed = value => `${value > 0 ? "+" : ""}${value.toFixed(1)} sd`;
    this.sliders = Array.from({ length: this.directions.shape[0] }, (_, k) =>
      new Slider(`Direction ${k + 1}`, [-REACH, REACH, STEP, 0], signed, change));
    this.directionRows = this.sliders.map((slider, k) => new Ends(slider, k, this.shapes[target], this.toMask));
    const [few, more] = [[0, AT_FIRST], [AT_FIRST]].map(part => this.directionRows.slice(...part).map(one => one.node));
    this.more = element("details", {}, element("summary", { textContent: `${more.length} more directions` }), ...more);
    this.more.hidden = !more.length;
    this.more.addEventListener("toggle", () => this.showEnds());
    const factor = index => (VARIANCES[index] === 0 ? "none" : `× ${VARIANCES[index]}`);
    this.variance = new Slider("Variance", [0, VARIANCES.length - 1, 1, 0], factor, change);
    this.again = element("button", { type: "button", textContent: "Draw again" });
    this.again.addEventListener("click", () => {
      this.noise = normalNumbers(this.features);
      if (this.variance.value === 0) this.variance.value = VARIANCES.indexOf(1);
      this.latest.run();
    });
    this.reset = element("button", { type: "button", textContent: "Back to the reconstruction" });
    this.reset.addEventListener("click", () => {
      for (const slider of [...this.sliders, this.variance]) slider.value = slider.start;
      this.latest.run();
    });
    this.noise = normalNumbers(this.features);
    this.figures = element("p", { className: "pairvae-numbers" });
    const heading = element("h3", { textContent: `${from} → ${to}` });
    this.node = element(
      "section",
      {
        className: "pairvae-panel",
        attributes: { "aria-label": `${from} to ${to}`, "data-route": `${source}_to_${target}` },
      },
      heading,
      element("div", { className: "pairvae-tiles" },
        ...[this.given, this.result, this.truth, this.plot, ...this.maps].filter(one => one).map(one => one.node)),
      element("fieldset", {}, element("legend", {
        textContent: `Move the latent of ${from}: beside each slider is what its ends draw`,
      }), ...few, this.more, this.variance.node),
      element("div", { className: "pairvae-buttons" }, this.again, this.reset),
      this.figures,
    );
  }

  /** Another example. */
  choose(index) {
    this.index = index;
    this.seen = this.loaded.described.trained_on?.[index] ?? false;
    const { arrays, techniques } = this.loaded;
    this.centre = arrays[`centres ${this.source}`].values.subarray(index * this.features, (index + 1) * this.features);
    const measured = Object.fromEntries(techniques.map(name => [name, this.measured(name, index)]));
    this.true = measured[this.target];
    this.show(this.given, measured[this.source], "given");
    if (this.truth) this.truth.show(this.true);
    this.trueCurve = this.curve(this.true);
    this.maps[1]?.show(directionalCorrelation(this.true, ...this.shapes[this.target], this.reach));
    this.rebuiltCurve = undefined;
    this.directionRows.forEach(one => (one.index = undefined));
    return this.latest.run().then(() => void this.showEnds());
  }

  /** What the ends of the sliders draw that are seen, one after the other: whoever moves a slider goes first. */
  async showEnds() {
    const { index } = this, seen = this.directionRows.slice(0, this.more.open ? undefined : AT_FIRST);
    if (this.shapes[this.target].length === 1) return; // a curve is too wide to stand beside a slider
    for (const row of seen.filter(one => one.index !== index)) {
      row.index = index;
      const ends = [];
      for (const amount of [-REACH, REACH]) {
        ends.push(await this.decode(this.latentAt([[row.number, amount]])));
        if (index !== this.index) return;
      }
      row.show(ends);
    }
  }

  /** An example's own measurement: values in [0, 1]. */
  measured(name, index) {
    const { arrays, techniques } = this.loaded, shape = this.shapes[name], size = shape.reduce((a, b) => a * b);
    if (name === techniques[0]) {
      const values = arrays.scattering.values.subarray(index * size, (index + 1) * size);
      return values instanceof Uint8Array ? Float32Array.from(values, value => value / 255) : values;
    }
    return unpackedMask(arrays.mask_bits, index, shape);
  }

  /** What the plot shows of a measurement of the target. */
  curve(values) {
    const shape = this.shapes[this.target];
    if (shape.length === 1) return { x: this.q, y: values };
    return this.toMask ? twoPointCorrelation(values, ...shape) : azimuthalAverage(values, ...shape);
  }

  get q() {
    return this.loaded.arrays.q.values;
  }

  show(view, values, name) {
    view.show(view instanceof Plot ? { [name]: { x: this.q, y: values } } : values);
  }

  /** The example's latent, moved along some directions, [number, standard deviations] each. */
  latentAt(moves) {
    const latent = Float32Array.from(this.centre);
    for (const [number, amount] of moves) {
      const start = number * this.features;
      if (amount) for (let i = 0; i < latent.length; i++) latent[i] += amount * this.directions.values[start + i];
    }
    return latent;
  }

  /** Where the controls point to. */
  latent() {
    const latent = this.latentAt(this.sliders.map((slider, k) => [k, slider.value]));
    const variance = this.loaded.arrays[`variance ${this.source}`].values, factor = VARIANCES[this.variance.value];
    if (factor) for (let i = 0; i < latent.length; i++) latent[i] += Math.sqrt(factor * variance[i]) * this.noise[i];
    return latent;
  }

  /** What a latent is decoded to: logits of a mask, or values in [0, 1]. */
  async decode(latent) {
    const { decoders, described } = this.loaded;
    const { decoded } = await decoders[this.target]({ latent: [latent, [1, ...described.latent_shape]] });
    return decoded.data;
  }

  /** Decode and draw. */
  async frame() {
    const moved = [...this.sliders, this.variance].some(slider => slider.value !== slider.start);
    const index = this.index, began = performance.now(), latent = this.latent();
    const decoded = await this.decode(latent);
    if (index !== this.index) return; // another example was chosen meanwhile
    const values = this.toMask ? asMask(decoded) : decoded;
    if (!(this.result instanceof Plot)) this.result.show(values);
    const milliseconds = performance.now() - began;
    const curve = this.curve(values);
    if (!moved) this.rebuiltCurve = curve;
    const curves = { truth: this.trueCurve };
    if (this.rebuiltCurve) curves.reconstruction = this.rebuiltCurve;
    if (moved) curves["this one"] = curve;
    (this.plot ?? this.result).show(curves);
    this.maps[0]?.show(directionalCorrelation(values, ...this.shapes[this.target], this.reach));
    this.numbers(values, curve, milliseconds, moved);
    Object.assign(this.node, { latent, decoded, curve, trueCurve: this.trueCurve });
    Object.assign(this.node.dataset, {
      picture: milliseconds.toFixed(2), // ms until the picture was drawn, and with the statistics
      frame: (performance.now() - began).toFixed(2),
    });
    this.ran();
  }

  /** The comparison with the truth in words. */
  numbers(values, curve, milliseconds, moved) {
    const distance = this.toMask ? meanDifference(curve.y, this.trueCurve.y) : meanDifference(values, this.true);
    const [mean, trueMean] = [values, this.true].map(one => one.reduce((a, b) => a + b) / one.length);
    const words = [
      `${moved ? "This one" : "The reconstruction"} against the truth: mean absolute difference in `
        + `${this.toMask ? "S₂" : "intensity"} ${distance.toFixed(4)}`,
      ...(this.toMask ? [
        `bright fraction ${mean.toFixed(3)} (true ${trueMean.toFixed(3)})`,
        `overlap with the ${this.seen ? "crop that it was trained on" : "true crop"}: Dice ${
          overlap(values, this.true).toFixed(2)}`,
      ] : []),
      ...(moved ? [`computed in ${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`] : []),
    ];
    this.figures.textContent = `${words.join("; ")}.`;
  }
}
