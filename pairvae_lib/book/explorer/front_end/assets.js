// What an explorer loads: from beside a static page, or from the kernel of a live notebook; and what runs networks.

import { element } from "./elements.js";

const RUNTIME = "ort.wasm.bundle.min.mjs";
const WASM = "ort-wasm-simd-threaded.wasm.gz";
const PATIENCE = 60_000; // ms until a live notebook counts as one without a kernel
const SERVED = "read the book with: make read"; // what helps where a file does not come

/** A function that gets a file by its name: from beside the page, or from the notebook's kernel.
 * `seen(name, received, total)` hears of the bytes of a file as they come. */
export function assets(model, seen = () => {}) {
  const root = document.documentElement.dataset.content_root;
  if (root !== undefined) {
    const base = new URL(`${root}_static/explorer/`, document.baseURI);
    return base.protocol === "file:" ? name => defined(base, name) : name => fetched(base, name, seen);
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

/** Where a file lies, whatever letters a technique's name has. */
const located = (base, name) => new URL(name.split("/").map(encodeURIComponent).join("/"), base);

/** A file from a server, its bytes counted as they come. */
async function fetched(base, name, seen) {
  let answer;
  try {
    answer = await fetch(located(base, name));
  } catch (error) {
    throw new Error(`${name} could not be loaded (${error.message}); reload the page, or ${SERVED}`);
  }
  if (!answer.ok) throw new Error(`${name} could not be loaded (${answer.status}); build the book again: make book`);
  const total = Number(answer.headers.get("Content-Length")), reader = answer.body.getReader(), parts = [];
  let received = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    received += part.value.length;
    seen(name, received, total);
  }
  return new Blob(parts).arrayBuffer();
}

/** A file of a page that is read from disk, where nothing can be fetched: a script beside it defines it. */
function defined(base, name) {
  return new Promise((resolve, reject) => {
    const known = (globalThis.pairvaeFiles ??= {});
    const script = element("script", { src: located(base, `${name}.js`).href });
    script.onload = () => {
      script.remove();
      resolve(Uint8Array.from(atob(known[name]), letter => letter.charCodeAt(0)).buffer);
      delete known[name]; // its letters take more room than its bytes
    };
    script.onerror = () => {
      script.remove();
      reject(new Error(`${name} could not be loaded from this folder; build the book again (make book), or ${SERVED}`));
    };
    document.head.append(script);
  });
}

/** What a gzip file holds; a file that a server has unpacked on its way stays as it is. */
async function unpacked(buffer) {
  const [first, second] = new Uint8Array(buffer, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return buffer;
  return new Response(new Blob([buffer]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

const DTYPES = { F32: Float32Array, F64: Float64Array, U8: Uint8Array };

/** The arrays and the description that a safetensors file holds. */
export function readSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const { __metadata__: metadata, ...tensors } = header;
  const arrays = {};
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(tensors)) {
    arrays[name] = { shape, values: new DTYPES[dtype](buffer.slice(8 + length + start, 8 + length + end)) };
  }
  return { arrays, format: metadata.format, described: JSON.parse(metadata.described) };
}

/** Mask number `number` of those that are stored with eight pixels a byte, rows padded: values 0 and 1. */
export function unpackedMask({ values }, number, [height, width]) {
  const bytes = Math.ceil(width / 8), bits = values.subarray(number * height * bytes);
  return Float32Array.from({ length: height * width }, (_, k) => {
    const column = k % width;
    return (bits[((k - column) / width) * bytes + (column >> 3)] >> (7 - (column & 7))) & 1;
  });
}

let runtime; // one for all explorers of a page

/** onnxruntime-web from a Blob, in a worker where the browser allows it; a failure is not remembered. */
function loadedRuntime(get) {
  runtime ??= (async () => {
    const [script, wasm] = await Promise.all([get(RUNTIME), get(WASM)]);
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const ort = await import(/* webpackIgnore: true */ address);
    // With the binary at hand its address is never asked for; without one it is derived from the Blob's, and cannot be.
    const wasmBinary = await unpacked(wasm), wasmPaths = { wasm: address };
    const proxy = location.protocol !== "file:"; // a page from disk may have no such worker
    Object.assign(ort.env.wasm, { wasmBinary, wasmPaths, numThreads: 1, proxy });
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

/** A network, as a function of its inputs by name, each [values, shape]; what it is called is for the message. */
export async function loadedNetwork(get, path, called) {
  const [ort, file] = await Promise.all([loadedRuntime(get), get(path)]);
  let session;
  try {
    session = await openedSession(ort, file);
  } catch (error) {
    const reason = String(error.message ?? error).slice(0, 80);
    throw new Error(`${path.split("/").pop()} is no ${called} that can be run (${reason})`);
  }
  let last = Promise.resolve(); // a session computes one thing at a time
  return given => {
    const tensor = ([values, shape]) => new ort.Tensor("float32", values.slice(), shape);
    const inputs = Object.fromEntries(Object.entries(given).map(([name, one]) => [name, tensor(one)]));
    const answer = last.then(() => session.run(inputs));
    last = answer.catch(() => undefined);
    return answer;
  };
}
