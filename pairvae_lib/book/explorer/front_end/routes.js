// A PairVAE: each of its two decoders, moved by sliders.

import { loadedNetwork } from "./assets.js";
import { CorrelationMap, Latest, Plot, Slider, element } from "./elements.js";
import { azimuthalAverage, directionalCorrelation, meanDifference, normalNumbers, overlap, twoPointCorrelation } from "./statistics.js";
import { Technique } from "./technique.js";

const VARIANCES = [0, 0.1, 0.25, 0.5, 1, 2, 4]; // in that of the paper's Fig. 7; S7 and S8 are below and above 1
const REACH = 3; // standard deviations to either side of an example
const STEP = 0.1;
const AT_FIRST = 2; // directions that are seen at first
const PLOTS = { // what is plotted of a decoded picture, by its kind; nothing of an image
  mask: { text: "Two-point correlation S₂(r)", x: "distance r [px]", curve: twoPointCorrelation },
  pattern: { text: "Intensity, mean over rings", x: "radius [px]", curve: azimuthalAverage },
};

/** One panel for each route of a PairVAE. */
export async function routePanels(get, folder, exploration, ran) {
  const techniques = exploration.described.modalities.map(one => new Technique(exploration, one));
  for (const one of techniques) {
    one.decoder = await loadedNetwork(get, `${folder}/${one.name}_decoder.onnx`, "decoder");
  }
  return [techniques, [...techniques].reverse()].map(([from, to]) => new Route(exploration, from, to, ran));
}

/** A slider between what its two ends draw, with what they change in numbers. */
class Ends {
  constructor(slider, number, target) {
    Object.assign(this, { slider, number, target });
    this.views = [-REACH, REACH].map(amount => target.view(`Direction ${number + 1} at ${amount} sd`, false));
    this.words = element("small", { id: `${slider.input.id}-ends` });
    slider.input.setAttribute("aria-describedby", this.words.id);
    const [low, high] = target.isCurve ? ["", ""] : this.views.map(one => one.node);
    this.node = element("div", { className: `pairvae-direction${target.isCurve ? " plain" : ""}` }, low, slider.node, high, this.words);
  }

  show(ends) {
    const values = ends.map(end => this.target.shown(end));
    values.forEach((value, k) => this.target.show(this.views[k], value));
    const [low, high] = values.map(value => (value.reduce((a, b) => a + b) / value.length).toFixed(2));
    const what = this.target.isMask ? "bright fraction" : "mean intensity", same = low === high;
    this.words.textContent = same ? `${what} stays at ${low}` : `${what} goes from ${low} to ${high}`;
  }
}

/** One route: an example's measurement, what is decoded near its latent, and the truth. */
class Route {
  constructor(exploration, source, target, ran) {
    Object.assign(this, exploration, { source, target, ran, latest: new Latest(() => this.frame(), ran) });
    this.directions = this.arrays[`directions ${source.name}`];
    this.features = this.directions.shape[1];
    const [from, to] = [source.label, target.label], plot = PLOTS[target.kind];
    this.given = source.view(`${from}, given`);
    this.result = target.view(`${to}, decoded`);
    this.truth = target.isCurve ? null : target.view(`${to}, true`);
    this.plot = target.isCurve ? this.result : plot && new Plot(plot.text, plot.x);

    this.reach = target.isMask ? Math.floor(Math.min(...target.shape) / 4) : 0;
    this.maps = target.isMask ? ["decoded", "true"].map(name => new CorrelationMap(`A₂, ${name}`)) : [];

    const change = () => this.latest.run();
    const signed = value => `${value > 0 ? "+" : ""}${value.toFixed(1)} sd`;
    this.sliders = Array.from({ length: this.directions.shape[0] }, (_, k) =>
      new Slider(`Direction ${k + 1}`, [-REACH, REACH, STEP, 0], signed, change));
    this.directionRows = this.sliders.map((slider, k) => new Ends(slider, k, target));
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
        attributes: { "aria-label": `${from} to ${to}`, "data-route": `${source.name}_to_${target.name}` },
      },
      heading,
      element("div", { className: "pairvae-tiles" },
        ...new Set([this.given, this.result, this.truth, this.plot, ...this.maps].flatMap(one => one?.node ?? []))),
      element("fieldset", {}, element("legend", {
        textContent: `Move the latent of ${from}${target.isCurve ? "" : ": beside each slider is what its ends draw"}`,
      }), ...few, this.more, this.variance.node),
      element("div", { className: "pairvae-buttons" }, this.again, this.reset),
      this.figures,
    );
  }

  /** Another example. */
  choose(index) {
    this.index = index;
    const { source, target, features } = this;
    this.seen = this.described.trained_on?.[index] ?? false;
    this.centre = this.arrays[`centres ${source.name}`].values.subarray(index * features, (index + 1) * features);
    this.true = target.measured(index);
    source.show(this.given, source.measured(index), "given");
    if (this.truth) target.show(this.truth, this.true);
    this.trueCurve = this.curve(this.true);
    this.maps[1]?.show(directionalCorrelation(this.true, ...target.shape, this.reach));
    this.rebuiltCurve = undefined;
    this.directionRows.forEach(one => (one.index = undefined));
    return this.latest.run().then(() => void this.showEnds());
  }

  /** What the ends of the sliders draw that are seen, one after the other: whoever moves a slider goes first. */
  async showEnds() {
    const { index } = this, seen = this.directionRows.slice(0, this.more.open ? undefined : AT_FIRST);
    if (this.target.isCurve) return; // a curve is too wide to stand beside a slider
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

  /** What the plot shows of a measurement of the target. */
  curve(values) {
    const { kind, isCurve, grid, shape } = this.target;
    return isCurve ? { x: grid, y: values } : PLOTS[kind]?.curve(values, ...shape);
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
    const variance = this.arrays[`variance ${this.source.name}`].values, factor = VARIANCES[this.variance.value];
    if (factor) for (let i = 0; i < latent.length; i++) latent[i] += Math.sqrt(factor * variance[i]) * this.noise[i];
    return latent;
  }

  /** What a latent is decoded to: logits of a mask, or values in [0, 1]. */
  async decode(latent) {
    const { decoded } = await this.target.decoder({ latent: [latent, [1, ...this.described.latent_shape]] });
    return decoded.data;
  }

  /** Decode and draw. */
  async frame() {
    const moved = [...this.sliders, this.variance].some(slider => slider.value !== slider.start);
    const index = this.index, began = performance.now(), latent = this.latent();
    const decoded = await this.decode(latent);
    if (index !== this.index) return; // another example was chosen meanwhile
    const values = this.target.shown(decoded);
    if (this.truth) this.target.show(this.result, values);
    const milliseconds = performance.now() - began;
    const curve = this.curve(values);
    if (!moved) this.rebuiltCurve = curve;
    const curves = { truth: this.trueCurve };
    if (this.rebuiltCurve) curves.reconstruction = this.rebuiltCurve;
    if (moved) curves["this one"] = curve;
    this.plot?.show(curves);
    this.maps[0]?.show(directionalCorrelation(values, ...this.target.shape, this.reach));
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
    const { isMask } = this.target;
    const distance = isMask ? meanDifference(curve.y, this.trueCurve.y) : meanDifference(values, this.true);
    const [mean, trueMean] = [values, this.true].map(one => one.reduce((a, b) => a + b) / one.length);
    const words = [
      `${moved ? "This one" : "The reconstruction"} against the truth: mean absolute difference in `
        + `${isMask ? "S₂" : "intensity"} ${distance.toFixed(4)}`,
      ...(isMask ? [
        `bright fraction ${mean.toFixed(3)} (true ${trueMean.toFixed(3)})`,
        `overlap with the ${this.seen ? "crop that it was trained on" : "true crop"}: Dice ${
          overlap(values, this.true).toFixed(2)}`,
      ] : []),
      ...(moved ? [`computed in ${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`] : []),
    ];
    this.figures.textContent = `${words.join("; ")}.`;
  }
}
