// The explorer: trained networks run in the reader's own browser, by onnxruntime-web in a worker.
// For a static page, which holds the assets beside it, and for a live notebook, where Python hands them over.
// A widget has one file: the modules that are imported here are put in place of their imports.

import { assets, readSafetensors } from "./assets.js";
import { element, menu, option } from "./elements.js";
import { ensemblePanels } from "./ensembles.js";
import { routePanels } from "./routes.js";

const NEAR = "400px"; // from the visible part of the page: where loading starts
const KINDS = { // by what the file of examples says that it is, before its version
  "pairvae exploration": {
    panels: routePanels, ready: "Ready: move a slider, with a finger, the mouse or the arrow keys.",
  },
  "pairvae ensembles": {
    panels: ensemblePanels, ready: "Ready: draw again, or change what is drawn; all of it is computed in this browser.",
  },
};

/** Name what a file of version 1 holds, scattering and masks, as one of today does. */
function renew({ arrays, described }) {
  const [first, second] = described.modalities;
  [first.kind, second.kind] = [arrays.q ? "profile" : "pattern", "mask"];
  described.axes = arrays.q ? { [first.name]: { name: "q", unit: described.q_unit, is_log: true } } : {};
  arrays[`measured ${first.name}`] = arrays.scattering;
  arrays[`measured ${second.name}`] = arrays.mask_bits;
  arrays[`grid ${first.name}`] = arrays.q;
}

/** All that is shown of one model. */
async function loadedModel(get, folder, ran) {
  const exploration = readSafetensors(await get(`${folder}/exploration.safetensors`));
  const kind = KINDS[exploration.format.replace(/ [12]$/, "")];
  if (!kind) throw new Error(`exploration.safetensors is of no kind that is known (${exploration.format})`);
  if (!exploration.described.axes) renew(exploration);
  return { described: exploration.described, kind, panels: await kind.panels(get, folder, exploration, ran) };
}

function render({ model, el }) {
  const root = element("div", { className: "pairvae-explorer" });
  Object.assign(root.dataset, { state: "waiting", runs: 0 });
  const status = element("p", { className: "pairvae-status", attributes: { role: "status" } });
  const picture = element("img", {
    className: "pairvae-still", alt: model.get("poster_text"),
    src: URL.createObjectURL(new Blob([model.get("poster")], { type: "image/png" })),
  });
  const progress = element("progress", { hidden: true, attributes: { "aria-label": "Loaded" } });
  const loaded = element("span", { className: "pairvae-loaded" });
  const panels = element("div", { className: "pairvae-panels", hidden: true });
  const models = model.get("models");
  let shown = [], chosen = 0; // which model is wanted: an earlier one that arrives late is not shown

  const say = words => {
    status.setAttribute("role", "status");
    status.textContent = words;
  };
  const received = {}, wanted = {}; // bytes, by file
  const get = assets(model, (name, bytes, total) => {
    Object.assign(received, { [name]: bytes });
    Object.assign(wanted, { [name]: Math.max(total, bytes) });
    const [here, all] = [received, wanted].map(one => Object.values(one).reduce((a, b) => a + b));
    Object.assign(progress, { max: all, value: here });
    if (root.dataset.state === "loading") progress.hidden = false;
    loaded.textContent = `${(here / 1e6).toFixed(1)} of ${(all / 1e6).toFixed(1)} MB`;
  });
  const fail = error => {
    progress.hidden = true;
    loaded.textContent = "";
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
  modelMenu.select.append(...models.map(({ label, folder }) => option(folder, label)));
  const sampleMenu = menu("Sample", () => shown.forEach(panel => panel.choose(sampleMenu.select.selectedIndex)));
  sampleMenu.select.disabled = true;
  const menus = element("div", { className: "pairvae-menus" }, modelMenu.node, sampleMenu.node);

  const open = async () => {
    const number = ++chosen;
    root.dataset.state = "loading";
    say("Loading the model; once it is here, everything is computed in this browser …");
    try {
      const { described, kind, panels: made } = await loadedModel(get, modelMenu.select.value, error => {
        if (number === chosen) ran(error); // what another model is still at is no longer of interest
      });
      if (number !== chosen) return;
      shown = made;
      panels.replaceChildren(...shown.map(panel => panel.node));
      const names = described.sample_ids.map((name, k) => option(k, `${described.morphologies[k]} (${name})`));
      const seen = names.map((_, k) => described.trained_on?.[k] ?? false);
      sampleMenu.select.replaceChildren(...[["held out", false], ["trained on", true]].flatMap(([label, wanted]) => {
        const group = names.filter((_, k) => seen[k] === wanted);
        return group.length ? [element("optgroup", { label }, ...group)] : [];
      }));
      sampleMenu.select.disabled = false;
      await Promise.all(shown.map(panel => panel.choose(0)));
      if (number !== chosen || root.dataset.state === "error") return;
      root.dataset.state = "ready";
      progress.hidden = true;
      loaded.textContent = "";
      say(kind.ready);
      picture.hidden = true;
      panels.hidden = false;
    } catch (error) {
      if (number === chosen) fail(error);
    }
  };

  root.append(menus, status, element("div", {}, progress, " ", loaded), picture, panels);
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
