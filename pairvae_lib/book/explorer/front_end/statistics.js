// Statistics, as in pairvae_lib.morphology and pairvae_lib.scattering, and numbers by chance.

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

/** Autocovariance of a mask over its value at zero lag, as a map over the lag up to `reach`, zero lag in the middle. */
export function directionalCorrelation(mask, height, width, reach) {
  const counts = pairCounts(mask, height, width, reach), span = 2 * reach + 1;
  const phi = mask.reduce((a, b) => a + b) / mask.length, variance = phi * (1 - phi);
  const map = new Float64Array(span * span);
  for (let row = 0; row <= reach; row++) {
    for (let column = -reach; column <= reach; column++) {
      const s2 = counts[row * span + column + reach] / ((height - row) * (width - Math.abs(column)));
      const value = variance > 0 ? (s2 - phi * phi) / variance : 0;
      map[(reach + row) * span + reach + column] = value;
      map[(reach - row) * span + reach - column] = value;
    }
  }
  return map;
}

/** Both parts of the Fourier transform of a square image, or back again (sign +1: not divided by its size). */
function transformed(re, im, size, sign) {
  const line = fourier(size), real = new Float64Array(size), imaginary = new Float64Array(size);
  for (const [across, along] of [[size, 1], [1, size]]) { // rows, then columns
    for (let k = 0; k < size; k++) {
      for (let j = 0; j < size; j++) [real[j], imaginary[j]] = [re[k * across + j * along], im[k * across + j * along]];
      line.transform(real, imaginary, sign);
      for (let j = 0; j < size; j++) [re[k * across + j * along], im[k * across + j * along]] = [real[j], imaginary[j]];
    }
  }
  return [re, im];
}

const forward = (values, size) => transformed(Float64Array.from(values), new Float64Array(size * size), size, -1);

/** |F|^2 of a square image, its side a power of two, zero frequency in the middle. */
export function powerSpectrum(values, size) {
  const [re, im] = forward(values, size), half = size >> 1;
  return Float64Array.from(re, (_, k) => {
    const from = ((Math.floor(k / size) + half) % size) * size + (((k % size) + half) % size);
    return re[from] ** 2 + im[from] ** 2;
  });
}

/** An image of the same spectrum as a square one, and of the phases of an image of noise. */
export function shuffledPhases(values, size) {
  const [re, im] = forward(values, size), [noiseRe, noiseIm] = forward(normalNumbers(size * size), size);
  for (let k = 1; k < re.length; k++) { // the mean, at 0, stays as it is
    const amplitude = Math.hypot(re[k], im[k]) / (Math.hypot(noiseRe[k], noiseIm[k]) || 1);
    [re[k], im[k]] = [amplitude * noiseRe[k], amplitude * noiseIm[k]];
  }
  const [image] = transformed(re, im, size, 1);
  return image.map(value => value / (size * size));
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

/** Dice coefficient of two masks of 0 and 1. */
export function overlap(one, other) {
  let both = 0, total = 0;
  for (let k = 0; k < one.length; k++) {
    both += one[k] * other[k];
    total += one[k] + other[k];
  }
  return total ? (2 * both) / total : 1;
}

export function meanDifference(one, other) {
  let sum = 0;
  for (let k = 0; k < one.length; k++) sum += Math.abs(one[k] - other[k]);
  return sum / one.length;
}

/** Standard normal numbers. */
export function normalNumbers(length) {
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
    return radius * Math.cos(2 * Math.PI * Math.random());
  });
}
