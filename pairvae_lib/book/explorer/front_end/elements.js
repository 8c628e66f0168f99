// What explorers are made of: pictures, plots, sliders, menus.

const COARSE = 128; // px; a picture of fewer shows its pixels
// matplotlib's "inferno", every sixteenth colour
const INFERNO = [
  [0, 0, 4], [11, 7, 36], [33, 12, 74], [61, 9, 101], [87, 16, 110], [113, 25, 110], [138, 34, 106], [163, 44, 97],
  [188, 55, 84], [210, 70, 68], [228, 90, 49], [241, 115, 29], [249, 142, 9], [252, 172, 17], [249, 203, 53],
  [242, 234, 105], [252, 255, 164],
];

export const element = (tag, properties = {}, ...children) => {
  const { attributes = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

export const drawn = (tag, attributes, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

const SHORT = /\b(saxs|sem|afm|gisaxs|waxs|sans|tem)\b/g; // names of techniques that are written in capitals
export const display = name => name.replaceAll("_", " ").replace(SHORT, word => word.toUpperCase());

/** A picture with its caption, which may be one of several pictures'. */
export class Picture {
  constructor(text, captioned = true) {
    this.canvas = element("canvas", { attributes: { role: "img", "aria-label": text } });
    this.node = element("figure", {}, this.canvas);
    if (captioned) this.node.append(element("figcaption", { textContent: text }));
  }

  /** Values in [0, 1]: a pattern in colours, an image or a mask in grey. */
  show(values, [height, width], isGrey) {
    Object.assign(this.canvas, { height, width, className: width < COARSE ? "coarse" : "" });
    const context = this.canvas.getContext("2d"), image = context.createImageData(width, height);
    const last = INFERNO.length - 1;
    for (let k = 0; k < values.length; k++) {
      const value = Math.min(Math.max(values[k], 0), 1), place = value * last;
      const low = Math.min(Math.floor(place), last - 1), share = place - low;
      for (let c = 0; c < 3; c++) {
        const colour = INFERNO[low][c] * (1 - share) + INFERNO[low + 1][c] * share;
        image.data[4 * k + c] = isGrey ? 255 * value : colour;
      }
      image.data[4 * k + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }
}

const DARKEST = -0.5; // value of a map of correlations that is drawn darkest; 1 is drawn brightest

/** A map of directional correlations as a picture. */
export class CorrelationMap extends Picture {
  show(map) {
    const side = Math.sqrt(map.length);
    super.show(map.map(value => (value - DARKEST) / (1 - DARKEST)), [side, side], false);
  }
}

/** Curves on common axes, labelled where they are drawn. */
export class Plot {
  constructor(text, xLabel, logarithmic = false) {
    this.logarithmic = logarithmic;
    this.node = element("figure", { className: "pairvae-plot" });
    this.svg = drawn("svg", { viewBox: "0 0 150 150", role: "img", "aria-label": text });
    this.node.append(this.svg, element("figcaption", { textContent: text }));
    this.xLabel = xLabel;
  }

  /** curves: {name: {x, y}}; the first lies below the others. */
  show(curves) {
    const entries = Object.entries(curves), [left, right, top, bottom] = [24, 147, 8 + 11 * entries.length, 124];
    const place = this.logarithmic ? Math.log : value => value;
    const xs = entries.flatMap(([, { x }]) => [x[0], x[x.length - 1]]).map(place);
    const [low, high] = [Math.min(...xs), Math.max(...xs)];
    const most = Math.max(1e-9, ...entries.map(([, { y }]) => y.reduce((a, b) => Math.max(a, b))));
    const atX = x => left + ((place(x) - low) / (high - low)) * (right - left);
    const atY = y => bottom - (Math.max(y, 0) / most) * (bottom - top);
    const round = value => (Math.abs(value) < 100 ? Number(value.toPrecision(2)) : Math.round(value));
    const parts = [drawn("path", { class: "axis", d: `M${left} ${top}V${bottom}H${right}` })];
    const text = (x, y, anchor, words, kind = "") =>
      parts.push(drawn("text", { x, y, "text-anchor": anchor, class: kind }, words));
    text(left - 3, bottom + 3, "end", "0");
    text(left - 3, top + 4, "end", String(round(most)));
    const ends = this.logarithmic ? [Math.exp(low), Math.exp(high)] : [low, high];
    text(left, bottom + 11, "start", String(round(ends[0])));
    text(right, bottom + 11, "end", String(round(ends[1])));
    text((left + right) / 2, bottom + 22, "middle", this.xLabel);
    entries.forEach(([name, { x, y }], k) => {
      const points = Array.from(x, (value, i) => `${atX(value).toFixed(1)} ${atY(y[i]).toFixed(1)}`);
      const kind = `curve ${name.replaceAll(" ", "-")}`;
      parts.push(drawn("path", { class: kind, d: `M${points.join("L")}` }));
      parts.push(drawn("path", { class: kind, d: `M${right - 94} ${7 + 11 * k}h16` }));
      text(right - 74, 10 + 11 * k, "start", name);
    });
    this.svg.replaceChildren(...parts);
  }
}

let made = 0; // ids must differ between all explorers of a page

/** A native range input with its label and what it is set to. */
export class Slider {
  constructor(label, [low, high, step, value], worded, changed) {
    const id = `pairvae-${made++}`;
    this.start = value;
    this.worded = worded;
    this.input = element("input", {
      id, type: "range", min: low, max: high, step, value,
      attributes: { "data-lm-suppress-shortcuts": "true", autocomplete: "off" },
    });
    this.output = element("output", { htmlFor: id, attributes: { "aria-live": "off" } }); // aria-valuetext says it
    this.node = element("div", { className: "pairvae-slider" });
    this.node.append(element("label", { htmlFor: id, textContent: label }), this.input, this.output);
    this.input.addEventListener("input", () => {
      this.say();
      changed();
    });
    this.say();
  }

  get value() {
    return Number(this.input.value);
  }

  set value(value) {
    this.input.value = value;
    this.say();
  }

  say() {
    const words = this.worded(this.value);
    this.output.value = words;
    this.input.setAttribute("aria-valuetext", words);
  }
}

export function menu(label, changed) {
  const id = `pairvae-${made++}`;
  const select = element("select", { id, attributes: { "data-lm-suppress-shortcuts": "true" } });
  select.addEventListener("change", changed);
  const words = element("label", { htmlFor: id, textContent: label });
  return { select, node: element("div", { className: "pairvae-menu" }, words, select) };
}

export const option = (value, textContent) => element("option", { value, textContent });

/** A job that is done whenever it is asked for; while it lasts, only the latest wish waits. */
export class Latest {
  constructor(job, failed) {
    Object.assign(this, { job, failed, busy: false, outdated: false });
  }

  async run() {
    this.outdated = true;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.outdated) {
        this.outdated = false;
        await this.job();
      }
    } catch (error) {
      this.failed(error);
    } finally {
      this.busy = false;
    }
  }
}
