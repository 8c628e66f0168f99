// A flow: ensembles of masks that are drawn for scattering, step by step from noise.

import { loadedNetwork } from "./assets.js";
import { CorrelationMap, Latest, Picture, Plot, Slider, element, menu, option } from "./elements.js";
import { directionalCorrelation, meanDifference, normalNumbers, twoPointCorrelation } from "./statistics.js";
import { Technique } from "./technique.js";

const COUNTS = [4, 8, 16]; // masks of an ensemble
const STEPS = [4, 8, 16]; // of Euler's method
const TIMES = [1, 2, 3]; // sides, in that of the training crops
const USUAL = 8; // masks, and steps
const MULTIPLE = 8; // px, of every side inside the network: flow.PX_PER_STEP

/** The one panel of a flow. */
export async function ensemblePanels(get, folder, exploration, ran) {
  const [from, to] = exploration.described.modalities.map(one => one.name);
  return [new Ensemble(await loadedNetwork(get, `${folder}/${from}_to_${to}_flow.onnx`, "flow"), exploration, ran)];
}

/** From noise to a mask of 0 and 1 by Euler's method, as ConditionalFlow.sample; null if `seen` does not want more. */
async function drawnMask(network, noise, side, condition, steps, seen) {
  const x = Float32Array.from(noise);
  for (let step = 0; step < steps; step++) {
    const { logits } = await network({
      state: [x, [1, 1, side, side]],
      time: [Float32Array.of(step / steps), [1]],
      condition: [condition, [1, condition.length]],
    });
    for (let k = 0; k < x.length; k++) x[k] += (Math.tanh(logits.data[k] / 2) - x[k]) / (steps - step);
    if (!seen(x)) return null;
  }
  return Float32Array.from(x, value => Number(value > 0));
}

const mixed = (one, other, share) => one.map((value, k) => (1 - share) * value + share * other[k]);
const mean = values => values.reduce((a, b) => a + b) / values.length;

/** The mean of curves with the same x. */
function meanCurve(curves) {
  return { x: curves[0].x, y: curves[0].y.map((_, k) => mean(curves.map(({ y }) => y[k]))) };
}

/** The mean of maps of the same lags. */
const meanMap = maps => maps[0].map((_, k) => mean(maps.map(map => map[k])));

/** Pictures of masks under one heading. */
class Masks {
  constructor() {
    this.heading = element("h4");
    this.tiles = element("div", { className: "pairvae-masks" });
    this.node = element("div", { attributes: { role: "group" } }, this.heading, this.tiles);
  }

  name(words) {
    this.heading.textContent = words;
    this.node.setAttribute("aria-label", words);
  }

  /** As many pictures as wanted; those that are there already stay. */
  hold(count, called) {
    if (this.pictures?.length === count) return;
    this.pictures = Array.from({ length: count }, (_, k) => new Picture(`${called} ${k + 1} of ${count}`, false));
    this.tiles.replaceChildren(...this.pictures.map(one => one.node));
  }
}

/** A sample's scattering, true crops of it, and masks that the flow draws. */
class Ensemble {
  constructor(network, exploration, ran) {
    const { arrays, described } = exploration;
    Object.assign(this, { network, arrays, described, ran, noises: [], latest: new Latest(() => this.draw(), ran) });
    const [scattering, micrograph] = described.modalities.map(one => new Technique(exploration, one));
    const [from, to] = [scattering.label, micrograph.label];
    const sides = TIMES.map(times => Math.ceil((times * micrograph.shape[0]) / MULTIPLE) * MULTIPLE);
    const change = () => this.latest.run();
    Object.assign(this, { scattering, micrograph });
    [this.given, this.second] = [scattering.view(`${from}, given`), scattering.view(`${from} of the other`)];
    this.plot = new Plot("Two-point correlation S₂(r), mean", "distance r [px]");
    [this.true, this.drawn] = [new Masks(), new Masks()];
    this.reach = Math.floor(Math.min(...micrograph.shape) / 4);
    this.maps = ["true crops", "drawn masks"].map(name => new CorrelationMap(`A₂ of the ${name}, mean`));

    const choice = (label, values, usual, worded) => {
      const made = menu(label, change);
      made.select.append(...values.map(value => option(value, worded(value))));
      made.select.value = usual;
      return made;
    };
    this.count = choice("Masks", COUNTS, USUAL, String);
    this.steps = choice("Steps", STEPS, USUAL, String);
    this.side = choice("Size", sides, sides[0], side => `${side} px`);
    this.other = choice("Mixed with", [...described.sample_ids.keys()], 0,
      index => this.name(index));
    this.share = new Slider("Its share", [0, 100, 10, 0], share => `${share} %`, change);
    this.again = element("button", { type: "button", textContent: "Draw again" });
    this.again.addEventListener("click", () => {
      this.noises = [];
      change();
    });
    this.progress = element("progress", { value: 0, attributes: { "aria-label": "Masks drawn" } });
    this.figures = element("p", { className: "pairvae-numbers", attributes: { "aria-live": "polite" } });
    this.node = element(
      "section",
      {
        className: "pairvae-panel",
        attributes: {
          "aria-label": `${from} to ${to}, drawn`, "data-route": `${scattering.name}_to_${micrograph.name}`,
        },
      },
      element("h3", { textContent: `${from} → ${to}, drawn` }),
      element("div", { className: "pairvae-menus" }, ...[this.count, this.steps, this.side].map(one => one.node)),
      element("fieldset", {}, element("legend", { textContent: `Between two samples: what is read off their ${from}, mixed` }),
        this.other.node, this.share.node),
      element("div", { className: "pairvae-buttons" }, this.again, this.progress),
      element("div", { className: "pairvae-ensemble" },
        element("div", { className: "pairvae-tiles" }, this.given.node, this.second.node, this.plot.node,
          ...this.maps.map(one => one.node)),
        element("div", {}, this.true.node, this.drawn.node)),
      this.figures,
    );
    this.truths = described.sample_ids.map((_, index) => this.crops(index)).map(crops => ({
      curve: meanCurve(crops.map(crop => twoPointCorrelation(crop, ...micrograph.shape))),
      map: meanMap(crops.map(crop => directionalCorrelation(crop, ...micrograph.shape, this.reach))),
      bright: mean(crops.map(mean)),
    }));
  }

  name(index) {
    return `${this.described.morphologies[index]} (${this.described.sample_ids[index]})`;
  }

  /** True crops of a sample. */
  crops(index) {
    const count = this.micrograph.stored.shape[1];
    return Array.from({ length: count }, (_, k) => this.micrograph.measured(index * count + k));
  }

  /** What the flow is given of a sample. */
  condition(index) {
    const { values, shape: [, size] } = this.arrays.conditions;
    return values.subarray(index * size, (index + 1) * size);
  }

  /** Another sample. */
  choose(index) {
    this.index = index;
    if (this.share.value === 0) this.other.select.selectedIndex = (index + 1) % this.truths.length;
    this.latest.run();
  }

  /** Whose true crops stand over the masks: those of the sample that has the larger share. */
  showTruth(index) {
    const crops = this.crops(index);
    this.true.name(`True crops of ${this.name(index)}`);
    this.true.hold(crops.length, "True crop");
    this.true.pictures.forEach((picture, k) => this.micrograph.show(picture, crops[k]));
    this.maps[0].show(this.truths[index].map);
  }

  /** What the mask of a number starts from: the same, whatever else is changed. */
  noise(number, length) {
    if (this.noises[number]?.length !== length) this.noises[number] = normalNumbers(length);
    return this.noises[number];
  }

  /** An ensemble, one mask after the other; left when it is no longer wanted. */
  async draw() {
    const [count, steps, side] = [this.count, this.steps, this.side].map(one => Number(one.select.value));
    const { index } = this, other = this.other.select.selectedIndex, share = this.share.value / 100;
    const condition = mixed(this.condition(index), this.condition(other), share);
    this.scattering.show(this.given, this.scattering.measured(index), "given");
    this.scattering.show(this.second, this.scattering.measured(other), "given");
    this.given.node.hidden = share === 1;
    this.second.node.hidden = !share;
    const whose = share > 0.5 ? other : index, alone = share === 0 || share === 1;
    this.showTruth(whose);
    this.drawn.name(alone
      ? `Drawn from the ${this.scattering.label} of ${this.name(whose)}` : "Drawn between the two");
    this.drawn.hold(count, "Drawn mask");
    this.drawn.pictures.forEach(picture => picture.node.classList.add("pending"));
    Object.assign(this.progress, { max: count, value: 0 });
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const masks = [], began = performance.now();
    for (const [k, picture] of this.drawn.pictures.entries()) {
      const seen = x => {
        if (!calm) picture.show(x.map(value => (value + 1) / 2), [side, side], true);
        return !this.latest.outdated && this.node.isConnected;
      };
      const mask = await drawnMask(this.network, this.noise(k, side * side), side, condition, steps, seen);
      if (!mask) return;
      picture.show(mask, [side, side], true);
      picture.node.classList.remove("pending");
      masks.push(mask);
      this.progress.value = masks.length;
    }
    const seconds = (performance.now() - began) / 1000 / count;
    const curve = meanCurve(masks.map(mask => twoPointCorrelation(mask, side, side)));
    const truth = this.truths[whose], curves = { truth: truth.curve };
    if (!alone) curves["other truth"] = this.truths[whose === index ? other : index].curve;
    const reach = truth.curve.y.length; // a larger mask has longer distances
    curves.drawn = { x: curve.x.subarray(0, reach), y: curve.y.subarray(0, reach) };
    this.plot.show(curves);
    const map = meanMap(masks.map(mask => directionalCorrelation(mask, side, side, this.reach)));
    this.maps[1].show(map);
    const others = alone ? undefined : whose === index ? other : index;
    this.numbers(curves.drawn.y, mean(masks.map(mean)), seconds, whose, others);
    Object.assign(this.node, { masks, condition, curve, map, trueCurve: truth.curve, noise: this.noises.slice(0, count) });
    this.ran();
  }

  /** The comparison with the truth in words. */
  numbers(s2, bright, seconds, index, other) {
    const from = number => meanDifference(s2, this.truths[number].curve.y).toFixed(4);
    const crops = this.micrograph.stored.shape[1], own = this.truths[index], count = this.drawn.pictures.length;
    const rest = this.truths.filter(truth => truth !== own).map(({ curve }) => meanDifference(curve.y, own.curve.y));
    const words = other === undefined
      ? `S₂ of ${count} masks, mean, against that of ${crops} true crops: mean absolute difference ${from(index)}`
        + (rest.length ? `; that of true crops of the other samples ${mean(rest).toFixed(4)}` : "")
        + `; bright fraction ${bright.toFixed(3)} (true ${own.bright.toFixed(3)})`
      : `S₂ of ${count} masks, mean: mean absolute difference ${from(index)} from ${this.name(index)}, `
        + `${from(other)} from ${this.name(other)}; bright fraction ${bright.toFixed(3)}`;
    this.figures.textContent = `${words}; ${seconds.toFixed(2)} s a mask.`;
    Object.assign(this.node.dataset, { error: from(index), seconds: seconds.toFixed(4) });
  }
}
