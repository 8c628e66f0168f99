// The latent explorer: trained decoders run in the reader's own browser, by onnxruntime-web in a worker.
// One file for a static page, which holds the assets beside it, and for a live notebook, where Python hands them over.

const RUNTIME = "ort.wasm.bundle.min.mjs";
const WASM = "ort-wasm-simd-threaded.wasm";
const PATIENCE = 60_000; // ms until a live notebook counts as one without a kernel
const VARIANCES = [0, 0.1, 0.25, 0.5, 1, 2, 4]; // in that of the paper's Fig. 7; S7 and S8 are below and above 1
const REACH = 3; // standard deviations to either side of an example
const STEP = 0.1;
const COARSE = 128; // px; a picture of fewer shows its pixels
const NEAR = "400px"; // from the visible part of the page: where loading starts
// matplotlib's "inferno", every sixteenth colour
const INFERNO = [
  [0, 0, 4], [11, 7, 36], [33, 12, 74], [61, 9, 101], [87, 16, 110], [113, 25, 110], [138, 34, 106], [163, 44, 97],
  [188, 55, 84], [210, 70, 68], [228, 90, 49], [241, 115, 29], [249, 142, 9], [252, 172, 17], [249, 203, 53],
  [242, 234, 105], [252, 255, 164],
];

// --- statistics, as in pairvae_lib.morphology and pairvae_lib.scattering ---------------------------------------------

/** In-place Fourier transforms of one length, a power of two. */
class Fourier {
  constructor(length) {
    this.length = length;
    this.cos = Float64Array.from({ length: length / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / length));
    this.sin = Float64Array.from({ length: length / 2 }, (_, k) => Math.sin((2 * Math.PI * k) / length));
    this.order = new Uint32Array(length);
    for (let k = 1, bits = Math.log2(length); k < length; k++) {
      this.order[k] = (this.order[k >> 1] >> 1) | ((k & 1) << (bits - 1));
    }
  }

  /** sign -1: forward; +1: backward, not divided by the length. */
  transform(re, im, sign) {
    const { length, cos, sin, order } = this;
    for (let k = 0; k < length; k++) {
      const other = order[k];
      if (other > k) {
        [re[k], re[other]] = [re[other], re[k]];
        [im[k], im[other]] = [im[other], im[k]];
      }
    }
    for (let half = 1; half < length; half *= 2) {
      const stride = length / (2 * half);
      for (let j = 0; j < half; j++) {
        const c = cos[j * stride], s = sign * sin[j * stride];
        for (let a = j; a < length; a += 2 * half) {
          const b = a + half;
          const real = c * re[b] - s * im[b], imaginary = c * im[b] + s * re[b];
          re[b] = re[a] - real;
          im[b] = im[a] - imaginary;
          re[a] += real;
          im[a] += imaginary;
        }
      }
    }
  }
}

const fouriers = new Map();
const fourier = length => {
  if (!fouriers.has(length)) fouriers.set(length, new Fourier(length));
  return fouriers.get(length);
};
const powerOfTwo = length => 2 ** Math.ceil(Math.log2(length));

/** Pairs of set pixels for row lags 0..reach and column lags -reach..reach; no pair reaches across the border. */
function pairCounts(mask, height, width, reach) {
  const rows = powerOfTwo(height + reach), columns = powerOfTwo(width + reach);
  const along = fourier(columns), down = fourier(rows), half = columns / 2 + 1;
  const re = new Float64Array(columns), im = new Float64Array(columns);
  const spectrumRe = new Float64Array(half * rows), spectrumIm = new Float64Array(half * rows); // [column][row]
  for (let row = 0; row < height; row += 2) { // two real rows at a time, as one complex row
    re.fill(0);
    im.fill(0);
    for (let column = 0; column < width; column++) {
      re[column] = mask[row * width + column];
      if (row + 1 < height) im[column] = mask[(row + 1) * width + column];
    }
    along.transform(re, im, -1);
    for (let k = 0; k < half; k++) {
      const mirror = (columns - k) % columns, at = k * rows + row;
      spectrumRe[at] = (re[k] + re[mirror]) / 2;
      spectrumIm[at] = (im[k] - im[mirror]) / 2;
      if (row + 1 < height) {
        spectrumRe[at + 1] = (im[k] + im[mirror]) / 2;
        spectrumIm[at + 1] = (re[mirror] - re[k]) / 2;
      }
    }
  }
  for (let k = 0; k < half; k++) {
    const [real, imaginary] = [spectrumRe, spectrumIm].map(all => all.subarray(k * rows, (k + 1) * rows));
    down.transform(real, imaginary, -1);
    for (let row = 0; row < rows; row++) {
      real[row] = real[row] ** 2 + imaginary[row] ** 2;
      imaginary[row] = 0;
    }
    down.transform(real, imaginary, 1);
  }
  const span = 2 * reach + 1, counts = new Float64Array((reach + 1) * span), scale = 1 / (rows * columns);
  for (let lag = 0; lag <= reach; lag += 2) { // two lags at a time: both results are real
    for (let k = 0; k < columns; k++) {
      const mirrored = k >= half, at = (mirrored ? columns - k : k) * rows + lag, sign = mirrored ? -1 : 1;
      const second = lag + 1 <= reach;
      re[k] = spectrumRe[at] - (second ? sign * spectrumIm[at + 1] : 0);
      im[k] = sign * spectrumIm[at] + (second ? spectrumRe[at + 1] : 0);
    }
    along.transform(re, im, 1);
    for (let column = -reach; column <= reach; column++) {
      const at = (column + columns) % columns;
      counts[lag * span + column + reach] = Math.round(re[at] * scale);
      if (lag + 1 <= reach) counts[(lag + 1) * span + column + reach] = Math.round(im[at] * scale);
    }
  }
  return counts;
}

/** Radially averaged two-point correlation of a mask of 0 and 1: {x: distance [px], y: S2}. */
export function twoPointCorrelation(mask, height, width) {
  const rings = Math.floor(Math.min(height, width) / 2), reach = rings - 1;
  const counts = pairCounts(mask, height, width, reach);
  const members = new Float64Array(rings), x = new Float64Array(rings), y = new Float64Array(rings);
  for (let row = 0; row <= reach; row++) {
    for (let column = -reach; column <= reach; column++) {
      const length = Math.hypot(row, column), ring = Math.floor(length);
      if (ring >= rings) continue;
      const times = row === 0 ? 1 : 2; // a lag stands for its mirror image as well
      members[ring] += times;
      x[ring] += times * length;
      const pairs = (height - row) * (width - Math.abs(column));
      y[ring] += (times * counts[row * (2 * reach + 1) + column + reach]) / pairs;
    }
  }
  return { x: x.map((sum, ring) => sum / members[ring]), y: y.map((sum, ring) => sum / members[ring]) };
}

/** Mean intensity on rings about the middle of a pattern: {x: radius [px], y}. */
export function azimuthalAverage(pattern, height, width) {
  const row = height >> 1, column = width >> 1;
  const rings = Math.min(row, column, height - 1 - row, width - 1 - column) + 1;
  const members = new Float64Array(rings), y = new Float64Array(rings);
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const ring = Math.floor(Math.hypot(i - row, j - column) + 0.5);
      if (ring >= rings) continue;
      members[ring] += 1;
      y[ring] += pattern[i * width + j];
    }
  }
  return { x: Float64Array.from(y.keys()), y: y.map((sum, ring) => sum / members[ring]) };
}

function meanDifference(one, other) {
  let sum = 0;
  for (let k = 0; k < one.length; k++) sum += Math.abs(one[k] - other[k]);
  return sum / one.length;
}

/** Standard normal numbers. */
function normalNumbers(length) {
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
    return radius * Math.cos(2 * Math.PI * Math.random());
  });
}

// --- assets ----------------------------------------------------------------------------------------------------------

/** A function that gets a file by its name: from beside the page, or from the notebook's kernel. */
function assets(model) {
  const root = document.documentElement.dataset.content_root;
  if (root !== undefined) {
    const base = new URL(`${root}_static/explorer/`, document.baseURI);
    return async name => {
      let answer;
      try {
        answer = await fetch(new URL(name, base));
      } catch (error) {
        throw new Error(`${name} could not be loaded (${error.message})`);
      }
      if (!answer.ok) throw new Error(`${name} could not be loaded (${answer.status})`);
      return answer.arrayBuffer();
    };
  }
  let asked = 0;
  return name =>
    new Promise((resolve, reject) => {
      const number = `${Date.now()} ${asked++}`;
      const end = () => {
        clearTimeout(timer);
        model.off("msg:custom", hear);
      };
      const hear = (content, buffers) => {
        if (content.number !== number) return;
        end();
        if (content.error) return reject(new Error(content.error));
        const view = buffers[0];
        resolve(view.buffer ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : view);
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`no kernel handed over ${name}; run the cell above`));
      }, PATIENCE);
      model.on("msg:custom", hear);
      model.send({ wanted: name, number });
    });
}

const DTYPES = { F32: Float32Array, U8: Uint8Array };

/** The arrays and the description that a safetensors file holds. */
function readSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const { __metadata__: metadata, ...tensors } = header;
  const arrays = {};
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(tensors)) {
    arrays[name] = { shape, values: new DTYPES[dtype](buffer.slice(8 + length + start, 8 + length + end)) };
  }
  return { arrays, described: JSON.parse(metadata.described) };
}

let runtime; // one for all explorers of a page

/** onnxruntime-web from a Blob, in a worker where the browser allows it; a failure is not remembered. */
function loadedRuntime(get) {
  runtime ??= (async () => {
    const [script, wasm] = await Promise.all([get(RUNTIME), get(WASM)]);
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const ort = await import(/* webpackIgnore: true */ address);
    Object.assign(ort.env.wasm, { wasmBinary: wasm, numThreads: 1, proxy: true });
    ort.env.logLevel = "error";
    return ort;
  })();
  runtime.catch(() => (runtime = undefined));
  return runtime;
}

async function openedSession(ort, file) {
  try {
    return await ort.InferenceSession.create(new Uint8Array(file.slice(0)), { executionProviders: ["wasm"] });
  } catch (error) {
    if (!ort.env.wasm.proxy || !/worker|SecurityError/i.test(error.message)) throw error;
    ort.env.wasm.proxy = false; // this page allows no worker
    return ort.InferenceSession.create(new Uint8Array(file.slice(0)), { executionProviders: ["wasm"] });
  }
}

/** All of one model: decoders, examples, directions. */
async function loadedModel(get, folder) {
  const [ort, file] = await Promise.all([loadedRuntime(get), get(`${folder}/exploration.safetensors`)]);
  const { arrays, described } = readSafetensors(file);
  const techniques = described.modalities.map(one => one.name);
  const decoders = {};
  for (const name of techniques) {
    const weights = await get(`${folder}/${name}_decoder.onnx`);
    try {
      decoders[name] = await openedSession(ort, weights);
    } catch (error) {
      const reason = String(error.message ?? error).slice(0, 80);
      throw new Error(`${name}_decoder.onnx is no decoder that can be run (${reason})`);
    }
  }
  return { ort, arrays, described, techniques, decoders };
}

// --- drawing ---------------------------------------------------------------------------------------------------------

const element = (tag, properties = {}, ...children) => {
  const { attributes = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

const drawn = (tag, attributes, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

const display = name => (/^(saxs|sem|afm|gisaxs|waxs|sans|tem)$/.test(name) ? name.toUpperCase() : name);

/** A picture with its caption. */
class Picture {
  constructor(text) {
    this.canvas = element("canvas", { attributes: { role: "img", "aria-label": text } });
    this.node = element("figure", {}, this.canvas, element("figcaption", { textContent: text }));
  }

  /** Values in [0, 1]: a pattern in colours, a mask in black and white. */
  show(values, [height, width], isMask) {
    Object.assign(this.canvas, { height, width, className: width < COARSE ? "coarse" : "" });
    const context = this.canvas.getContext("2d"), image = context.createImageData(width, height);
    const last = INFERNO.length - 1;
    for (let k = 0; k < values.length; k++) {
      const value = Math.min(Math.max(values[k], 0), 1), place = value * last;
      const low = Math.min(Math.floor(place), last - 1), share = place - low;
      for (let c = 0; c < 3; c++) {
        const colour = INFERNO[low][c] * (1 - share) + INFERNO[low + 1][c] * share;
        image.data[4 * k + c] = isMask ? 255 * value : colour;
      }
      image.data[4 * k + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }
}

/** Curves on common axes, labelled where they are drawn. */
class Plot {
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
    const round = value => Number(value.toPrecision(2));
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

// --- controls --------------------------------------------------------------------------------------------------------

let made = 0; // ids must differ between all explorers of a page

/** A native range input with its label and what it is set to. */
class Slider {
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

function menu(label, changed) {
  const id = `pairvae-${made++}`;
  const select = element("select", { id, attributes: { "data-lm-suppress-shortcuts": "true" } });
  select.addEventListener("change", changed);
  const words = element("label", { htmlFor: id, textContent: label });
  return { select, node: element("div", { className: "pairvae-menu" }, words, select) };
}

/** One route: an example's measurement, what is decoded near its latent, and the truth. */
class Panel {
  constructor(loaded, source, target, ran) {
    Object.assign(this, { loaded, source, target, ran, busy: false, dirty: false });
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

    const change = () => this.run();
    const signed = value => `${value > 0 ? "+" : ""}${value.toFixed(1)} sd`;
    this.sliders = Array.from({ length: this.directions.shape[0] }, (_, k) =>
      new Slider(`Direction ${k + 1}`, [-REACH, REACH, STEP, 0], signed, change));
    const factor = index => (VARIANCES[index] === 0 ? "none" : `× ${VARIANCES[index]}`);
    this.variance = new Slider("Variance", [0, VARIANCES.length - 1, 1, 0], factor, change);
    this.again = element("button", { type: "button", textContent: "Draw again" });
    this.again.addEventListener("click", () => {
      this.noise = normalNumbers(this.features);
      if (this.variance.value === 0) this.variance.value = VARIANCES.indexOf(1);
      this.run();
    });
    this.reset = element("button", { type: "button", textContent: "Back to the reconstruction" });
    this.reset.addEventListener("click", () => {
      for (const slider of [...this.sliders, this.variance]) slider.value = slider.start;
      this.run();
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
        ...[this.given, this.result, this.truth, this.plot].filter(one => one).map(one => one.node)),
      element("fieldset", {}, element("legend", { textContent: `Move the latent of ${from}` }),
        ...this.sliders.map(one => one.node), this.variance.node),
      element("div", { className: "pairvae-buttons" }, this.again, this.reset),
      this.figures,
    );
  }

  /** Another example. */
  choose(index) {
    this.index = index;
    const { arrays, techniques } = this.loaded;
    this.centre = arrays[`centres ${this.source}`].values.subarray(index * this.features, (index + 1) * this.features);
    const measured = Object.fromEntries(techniques.map(name => [name, this.measured(name, index)]));
    this.true = measured[this.target];
    this.show(this.given, measured[this.source], "given");
    if (this.truth) this.truth.show(this.true);
    this.trueCurve = this.curve(this.true);
    this.rebuiltCurve = undefined;
    return this.run();
  }

  /** An example's own measurement: values in [0, 1]. */
  measured(name, index) {
    const { arrays, techniques } = this.loaded, shape = this.shapes[name], size = shape.reduce((a, b) => a * b);
    if (name === techniques[0]) {
      const values = arrays.scattering.values.subarray(index * size, (index + 1) * size);
      return values instanceof Uint8Array ? Float32Array.from(values, value => value / 255) : values;
    }
    const bytes = Math.ceil(shape[1] / 8), bits = arrays.mask_bits.values.subarray(index * shape[0] * bytes);
    return Float32Array.from({ length: size }, (_, k) => {
      const column = k % shape[1];
      return (bits[((k - column) / shape[1]) * bytes + (column >> 3)] >> (7 - (column & 7))) & 1;
    });
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

  /** Where the controls point to. */
  latent() {
    const latent = Float32Array.from(this.centre), variance = this.loaded.arrays[`variance ${this.source}`].values;
    this.sliders.forEach((slider, k) => {
      const amount = slider.value, start = k * this.features;
      if (amount) for (let i = 0; i < latent.length; i++) latent[i] += amount * this.directions.values[start + i];
    });
    const factor = VARIANCES[this.variance.value];
    if (factor) for (let i = 0; i < latent.length; i++) latent[i] += Math.sqrt(factor * variance[i]) * this.noise[i];
    return latent;
  }

  /** Decode and draw; while that lasts, only the latest state of the controls waits. */
  async run() {
    this.dirty = true;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.dirty) {
        this.dirty = false;
        const moved = [...this.sliders, this.variance].some(slider => slider.value !== slider.start);
        await this.frame(moved);
      }
    } catch (error) {
      this.ran(error);
    } finally {
      this.busy = false;
    }
  }

  async frame(moved) {
    const { ort, decoders, described } = this.loaded, index = this.index, began = performance.now();
    const latent = this.latent(), tensor = new ort.Tensor("float32", latent.slice(), [1, ...described.latent_shape]);
    const { decoded } = await decoders[this.target].run({ latent: tensor });
    if (index !== this.index) return; // another example was chosen meanwhile
    const values = this.toMask ? Float32Array.from(decoded.data, logit => Number(logit > 0)) : decoded.data;
    if (!(this.result instanceof Plot)) this.result.show(values);
    const milliseconds = performance.now() - began;
    const curve = this.curve(values);
    if (!moved) this.rebuiltCurve = curve;
    const curves = { truth: this.trueCurve };
    if (this.rebuiltCurve) curves.reconstruction = this.rebuiltCurve;
    if (moved) curves["this one"] = curve;
    (this.plot ?? this.result).show(curves);
    this.numbers(values, curve, milliseconds, moved);
    Object.assign(this.node, { latent, decoded: decoded.data, curve, trueCurve: this.trueCurve });
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
      ...(this.toMask ? [`bright fraction ${mean.toFixed(3)} (true ${trueMean.toFixed(3)})`] : []),
      ...(moved ? [`computed in ${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`] : []),
    ];
    this.figures.textContent = `${words.join("; ")}.`;
  }
}

// --- the widget ------------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const root = element("div", { className: "pairvae-explorer" });
  Object.assign(root.dataset, { state: "waiting", runs: 0 });
  const status = element("p", { className: "pairvae-status", attributes: { role: "status" } });
  const picture = element("img", {
    className: "pairvae-still", alt: model.get("poster_text"),
    src: URL.createObjectURL(new Blob([model.get("poster")], { type: "image/png" })),
  });
  const panels = element("div", { className: "pairvae-panels", hidden: true });
  const models = model.get("models"), get = assets(model);
  let shown = [], chosen = 0; // which model is wanted: an earlier one that arrives late is not shown

  const say = words => {
    status.setAttribute("role", "status");
    status.textContent = words;
  };
  const fail = error => {
    root.dataset.state = "error";
    status.setAttribute("role", "alert");
    status.textContent = `The explorer does not run: ${error.message}. The picture below was computed beforehand.`;
    picture.hidden = false;
    panels.hidden = true;
  };
  const ran = error => {
    if (error) return fail(error);
    root.dataset.runs = Number(root.dataset.runs) + 1;
  };

  const modelMenu = menu("Model", () => open());
  const option = (value, textContent) => element("option", { value, textContent });
  modelMenu.select.append(...models.map(({ label, folder }) => option(folder, label)));
  const sampleMenu = menu("Held-out", () => shown.forEach(panel => panel.choose(sampleMenu.select.selectedIndex)));
  sampleMenu.select.disabled = true;
  const menus = element("div", { className: "pairvae-menus" }, modelMenu.node, sampleMenu.node);

  const open = async () => {
    const number = ++chosen;
    root.dataset.state = "loading";
    say("Loading the decoders; once they are here, everything is computed in this browser …");
    try {
      const loaded = await loadedModel(get, modelMenu.select.value);
      if (number !== chosen) return;
      const { described, techniques } = loaded, routes = [techniques, [...techniques].reverse()];
      shown = routes.map(([from, to]) => new Panel(loaded, from, to, ran));
      panels.replaceChildren(...shown.map(panel => panel.node));
      const names = described.sample_ids.map((name, k) => option(k, `${described.morphologies[k]} (${name})`));
      sampleMenu.select.replaceChildren(...names);
      sampleMenu.select.disabled = false;
      await Promise.all(shown.map(panel => panel.choose(0)));
      if (number !== chosen || root.dataset.state === "error") return;
      root.dataset.state = "ready";
      say("Ready: move a slider, with a finger, the mouse or the arrow keys.");
      picture.hidden = true;
      panels.hidden = false;
    } catch (error) {
      if (number === chosen) fail(error);
    }
  };

  root.append(menus, status, picture, panels);
  el.append(root);
  if (!models.length) {
    root.dataset.state = "still";
    menus.hidden = true;
    say(model.get("message"));
    return;
  }
  const watch = new IntersectionObserver(entries => {
    if (!entries.some(entry => entry.isIntersecting)) return;
    watch.disconnect();
    open();
  }, { rootMargin: NEAR });
  watch.observe(root);
  return () => watch.disconnect();
}

export default { render };
