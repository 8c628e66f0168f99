// A training to move through: masks that were drawn on the way, their overlap with the truth, a cursor on the losses.

import { unpackedMask } from "./assets.js";
import { Picture, Slider, drawn, element } from "./elements.js";
import { overlap } from "./statistics.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [600, 170, 44, 8, 8, 30]; // of the loss plot
const PACE = 350; // ms from one picture to the next when it plays

const bytes = view => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** Losses against epochs, on a logarithmic axis, with a cursor. */
class Losses {
  constructor(curves, names, boundary, chosen) {
    const most = Math.max(...curves.map(({ x }) => x[x.length - 1])), ys = curves.flatMap(({ y }) => y).filter(y => y > 0);
    const [low, high] = [Math.log10(Math.min(...ys)), Math.log10(Math.max(...ys))];
    this.atX = epoch => LEFT + (epoch / most) * (WIDTH - LEFT - RIGHT);
    const atY = y => TOP + ((high - Math.log10(Math.max(y, 10 ** low))) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
    this.cursor = drawn("path", { class: "cursor" });
    this.svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
      "aria-label": `Losses of ${names.join(" and ")} against epochs, with a cursor at the epoch that is shown` });
    const text = (x, y, anchor, words, fill = "") =>
      this.svg.append(drawn("text", { x, y, "text-anchor": anchor, ...(fill && { style: `fill: ${fill}` }) }, words));
    this.svg.append(drawn("path", { class: "axis", d: `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}` }));
    for (let decade = Math.ceil(low); decade <= Math.floor(high); decade++)
      text(LEFT - 4, atY(10 ** decade) + 4, "end", String(Number((10 ** decade).toPrecision(1))));
    text(LEFT, HEIGHT - 12, "start", "0");
    text(WIDTH - RIGHT, HEIGHT - 12, "end", String(most));
    text((LEFT + WIDTH) / 2, HEIGHT - 2, "middle", "epochs of pair training; loss in nats per pixel");
    if (boundary) {
      const x = this.atX(boundary);
      this.svg.append(drawn("path", { class: "boundary", d: `M${x} ${TOP}V${HEIGHT - BOTTOM}` }));
      text(x + 4, HEIGHT - BOTTOM - 4, "start", "one crop from here on");
    }
    curves.forEach(({ x, y, colour }, k) => {
      const points = x.map((epoch, i) => `${this.atX(epoch).toFixed(1)} ${atY(y[i]).toFixed(1)}`);
      this.svg.append(drawn("path", { class: "loss", style: `stroke: ${colour}`, d: `M${points.join("L")}` }));
      const at = 16 + 15 * k;
      this.svg.append(drawn("path", { class: "loss", style: `stroke: ${colour}`, d: `M${WIDTH - 118} ${at - 4}h18` }));
      text(WIDTH - 96, at, "start", names[k]);
    });
    this.svg.append(this.cursor);
    const point = event => {
      const box = this.svg.getBoundingClientRect();
      chosen(((((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT)) * most);
    };
    this.svg.addEventListener("pointerdown", event => {
      this.svg.setPointerCapture(event.pointerId);
      point(event);
    });
    this.svg.addEventListener("pointermove", event => this.svg.hasPointerCapture(event.pointerId) && point(event));
  }

  show(epoch) {
    this.cursor.setAttribute("d", `M${this.atX(epoch)} ${TOP}V${HEIGHT - BOTTOM}`);
  }
}

function render({ model, el }) {
  const [labels, epochs, routes, shape] = ["labels", "epochs", "routes", "shape"].map(name => model.get(name));
  const truth = { values: bytes(model.get("true_bits")) }, made = { values: bytes(model.get("drawn_bits")) };
  const true_ = labels.map((_, k) => unpackedMask(truth, k, shape));
  const root = element("div", { className: "pairvae-explorer pairvae-training" });
  const rows = ["true", ...routes].map(name => {
    const pictures = labels.map(label => new Picture(`${name}, ${label}`, false));
    const numbers = labels.map(() => element("figcaption"));
    pictures.forEach((one, k) => one.node.append(numbers[k]));
    const tiles = element("div", { className: "pairvae-row" }, ...pictures.map(one => one.node));
    return { name, pictures, numbers, node: element("div", { attributes: { role: "group", "aria-label": name } },
      element("h4", { textContent: name }), tiles) };
  });
  rows[0].pictures.forEach((one, k) => {
    one.show(true_[k], shape, true);
    rows[0].numbers[k].textContent = labels[k];
  });

  const show = () => {
    const moment = slider.value;
    losses.show(epochs[moment]);
    const overlaps = routes.map((route, r) => labels.map((_, k) => {
      const mask = unpackedMask(made, (moment * routes.length + r) * labels.length + k, shape);
      rows[r + 1].pictures[k].show(mask, shape, true);
      const dice = overlap(mask, true_[k]);
      rows[r + 1].numbers[k].textContent = `Dice ${dice.toFixed(2)}`;
      return dice;
    }));
    root.overlaps = overlaps;
    root.dataset.runs = Number(root.dataset.runs) + 1;
  };
  const slider = new Slider("Epochs", [0, epochs.length - 1, 1, 0], moment => String(epochs[moment]), show);
  const losses = new Losses(model.get("losses"), routes, model.get("phase_boundary"), epoch => {
    const away = epochs.map(one => Math.abs(one - epoch));
    slider.value = away.indexOf(Math.min(...away));
    show();
  });
  let timer;
  const play = element("button", { type: "button", textContent: "Play" });
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    play.textContent = "Play";
  };
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (slider.value === epochs.length - 1) slider.value = 0;
    play.textContent = "Stop";
    show();
    timer = setInterval(() => {
      if (!root.isConnected || slider.value === epochs.length - 1) return stop();
      slider.value += 1;
      show();
    }, PACE);
  });
  root.append(slider.node, losses.svg, ...rows.map(row => row.node), element("div", { className: "pairvae-buttons" }, play));
  Object.assign(root.dataset, { state: "ready", runs: 0 });
  show();
  el.append(root);
  return stop;
}

export default { render };
