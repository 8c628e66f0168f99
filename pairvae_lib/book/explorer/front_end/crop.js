// A window that is dragged over a whole micrograph: what changes with it, and what scattering cannot tell.

import { unpackedMask } from "./assets.js";
import { Latest, Picture, Plot, Slider, element } from "./elements.js";
import { meanDifference, powerSpectrum, shuffledPhases, twoPointCorrelation } from "./statistics.js";

const DECADES = 4; // of a spectrum that are drawn

const bytes = view => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** A spectrum as a picture: the logarithm of its last decades, without the mean of the image. */
function drawnSpectrum(spectrum, size) {
  const middle = (size >> 1) * size + (size >> 1);
  const most = Math.log10(spectrum.reduce((a, b, k) => (k === middle ? a : Math.max(a, b)), 1e-12));
  return Float32Array.from(spectrum, value => 1 + (Math.log10(Math.max(value, 1e-12)) - most) / DECADES);
}

/** Grey values as a picture: from the lowest to the highest. */
function stretched(values) {
  const [low, high] = [Math.min, Math.max].map(extreme => values.reduce((a, b) => extreme(a, b)));
  return Float32Array.from(values, value => (value - low) / (high - low || 1));
}

function render({ model, el }) {
  const [height, width] = model.get("shape"), size = model.get("size");
  const mask = unpackedMask({ values: bytes(model.get("mask_bits")) }, 0, [height, width]);
  const whole = { x: Float64Array.from(model.get("r")), y: Float64Array.from(model.get("s2")) };

  const micrograph = new Picture("Whole micrograph: drag the window");
  micrograph.show(mask, [height, width], true);
  const frame = element("div", { className: "pairvae-frame" });
  const ground = element("div", { className: "pairvae-ground" }, micrograph.canvas, frame);
  micrograph.node.prepend(ground);
  const [crop, spectrum] = [new Picture("The window"), new Picture("Its spectrum")];
  const plot = new Plot("S₂ of the window and of the whole", "distance r [px]");
  const scattering = element("figure", {}, element("img", {
    alt: model.get("scattering_text"),
    src: URL.createObjectURL(new Blob([model.get("scattering")], { type: "image/png" })),
  }), element("figcaption", { textContent: `${model.get("scattering_text")}: it stays` }));

  const place = value => `${value} px`;
  const changed = () => {
    phases = 0;
    latest.run();
  };
  const row = new Slider("From the top", [0, height - size, 1, (height - size) >> 1], place, changed);
  const column = new Slider("From the left", [0, width - size, 1, (width - size) >> 1], place, changed);
  const shuffle = element("button", { type: "button", textContent: "Keep the spectrum, shuffle the phase" });
  const back = element("button", { type: "button", textContent: "Back to the window" });
  const told = element("p", { className: "pairvae-numbers", attributes: { role: "status" } });
  const root = element("div", { className: "pairvae-explorer pairvae-window" },
    micrograph.node,
    element("div", { className: "pairvae-tiles" }, ...[crop, spectrum, plot].map(one => one.node), scattering),
    element("fieldset", {}, element("legend", { textContent: "Place of the window" }), row.node, column.node),
    element("div", { className: "pairvae-buttons" }, shuffle, back), told);
  Object.assign(root.dataset, { state: "ready", runs: 0 });
  let phases = 0; // how often they have been shuffled since the window was moved

  const inWindow = () => {
    const values = new Float32Array(size * size);
    for (let k = 0; k < size; k++) {
      const start = (row.value + k) * width + column.value;
      values.set(mask.subarray(start, start + size), k * size);
    }
    return values;
  };

  const draw = async () => {
    const own = inWindow(), shown = phases ? shuffledPhases(own, size) : own, power = powerSpectrum(shown, size);
    const s2 = twoPointCorrelation(own, size, size);
    crop.show(phases ? stretched(shown) : shown, [size, size], true);
    spectrum.show(drawnSpectrum(power, size), [size, size], false);
    plot.show({ whole, window: s2 });
    Object.assign(frame.style, {
      left: `${(100 * column.value) / width}%`, top: `${(100 * row.value) / height}%`,
      width: `${(100 * size) / width}%`, height: `${(100 * size) / height}%`,
    });
    back.disabled = !phases;
    told.textContent = phases
      ? "The phases are shuffled, the spectrum is the same. S₂ follows from the spectrum, so it is the same too: "
        + "scattering could not tell these two pictures apart."
      : `The window's S₂ differs from that of the whole micrograph by ${meanDifference(
        s2.y, whole.y.subarray(0, s2.y.length)).toFixed(3)} on average. The pattern is that of the whole sample: it does `
        + "not know where the window lies.";
    Object.assign(root, { own, shown, power, curve: s2 });
    root.dataset.runs = Number(root.dataset.runs) + 1;
  };
  const latest = new Latest(draw, error => {
    root.dataset.state = "error";
    told.setAttribute("role", "alert");
    told.textContent = `The window does not run: ${error.message}.`;
  });

  shuffle.addEventListener("click", () => {
    phases += 1;
    latest.run();
  });
  back.addEventListener("click", changed);
  const drag = event => {
    const box = ground.getBoundingClientRect();
    row.value = Math.round(((event.clientY - box.top) / box.height) * height - size / 2);
    column.value = Math.round(((event.clientX - box.left) / box.width) * width - size / 2);
    changed();
  };
  ground.addEventListener("pointerdown", event => {
    event.preventDefault();
    ground.setPointerCapture(event.pointerId);
    drag(event);
  });
  ground.addEventListener("pointermove", event => {
    if (ground.hasPointerCapture(event.pointerId)) drag(event);
  });
  el.append(root);
  latest.run();
}

export default { render };
