"use strict";

// Names for what the widgets' own script leaves nameless, so that a screen reader can say what a slider changes.

{ // a block: its names must not become those of the page
  function name(handle) {
    const slider = handle.closest(".jupyter-widgets");
    const label = slider?.querySelector(".widget-label");
    if (label && !handle.getAttribute("aria-label")) handle.setAttribute("aria-label", label.textContent.trim());
    const readout = slider?.querySelector(".widget-readout");
    if (readout && handle.getAttribute("aria-valuetext") !== readout.textContent)
      handle.setAttribute("aria-valuetext", readout.textContent);
  }

  function nameAll() {
    document.querySelectorAll(".noUi-handle").forEach(name);
  }

  if (document.querySelector('script[type="application/vnd.jupyter.widget-view+json"]')) {
    new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true, characterData: true });
    nameAll();
  }
}

// The claims: what three menus choose of their table. Without them it is whole.
for (const claims of document.querySelectorAll(".claims")) {
  const filters = claims.querySelector(".claims-filters"), rows = [...claims.querySelectorAll("tbody tr")];
  const chosen = name => filters.querySelector(`[name=${name}]`).value;
  const choose = () => {
    const [data, assessment, verdict] = ["data", "assessment", "verdict"].map(chosen);
    for (const one of claims.querySelectorAll("[data-of]")) one.hidden = data !== "" && one.dataset.of !== data;
    for (const one of claims.querySelectorAll("[data-assessment]"))
      one.hidden = assessment !== "" && one.dataset.assessment !== assessment;
    for (const row of rows) {
      const seen = [...row.querySelectorAll("td:not([hidden]) .verdict:not([hidden])")];
      row.hidden = verdict !== "" && !seen.some(one => one.dataset.verdict === verdict);
    }
    const left = rows.filter(row => !row.hidden).length;
    filters.querySelector("output").textContent = `${left} of ${rows.length} statements`;
    dispatchEvent(new Event("resize")); // another width may suit the table
  };
  filters.hidden = false;
  filters.addEventListener("change", choose);
  choose();
}

// A table that is wider than its column: smaller letters, and where that does not do, each row as a list of its cells.
{
  /** What stands above each column. */
  function columns(table) {
    const words = [];
    for (const row of table.tHead?.rows ?? []) {
      let place = 0;
      for (const cell of row.cells) {
        for (const end = place + cell.colSpan; place < end; place++) (words[place] ??= []).push(cell.textContent.trim());
      }
    }
    return words.map(parts => parts.filter(part => part).join(", "));
  }

  function fit(table) {
    table.classList.remove("small", "stacked");
    const wide = () => table.offsetWidth > table.parentElement.clientWidth + 1;
    if (wide()) table.classList.add("small");
    if (wide() && table.tHead) table.classList.add("stacked");
  }

  const tables = [...document.querySelectorAll(".bd-article table")];
  for (const table of tables) {
    const words = columns(table);
    for (const row of [...table.tBodies].flatMap(body => [...body.rows])) {
      const missing = words.length - row.cells.length; // a heading of several rows stands in the first of them
      [...row.cells].forEach((cell, k) => (cell.dataset.column = words[k + missing] ?? ""));
    }
  }
  const fitAll = () => tables.forEach(fit);
  let waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(fitAll, 100);
  });
  document.addEventListener("toggle", fitAll, true); // what was folded had no width
  fitAll();
}

// The first page: a menu of samples on either side, and what is chosen is told to a screen reader.
for (const side of document.querySelectorAll(".comparison-side")) {
  const menu = side.querySelector("select"), samples = [...side.querySelectorAll(".comparison-sample")];
  const show = () => samples.forEach((sample, k) => (sample.hidden = k !== menu.selectedIndex));
  for (const told of side.querySelectorAll(".comparison-told")) told.setAttribute("role", "status");
  menu.parentElement.hidden = false;
  menu.addEventListener("change", show);
  show(); // a browser may remember what was chosen
}

// A figure of this run whose cell names that of the paper's size (by the tag beside-LABEL): both are tabs of one place,
// the paper's size first. The caption stands above the tabs if both cells follow it, else it goes with the paper's size.
// On paper, and without this, both are seen.
{
  const made = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const tabs = {}; // by label
  const named = cell => [...cell.classList].find(name => name.startsWith("tag_beside-")).slice("tag_beside-".length);

  function place(label, cell, caption) {
    const list = made("div", { className: "figure-tab-list", role: "tablist" });
    const paper = caption.nextElementSibling;
    const shown = paper === cell.previousElementSibling ? [paper] : [caption, paper];
    const parts = [["Paper\u2019s size", shown], ["This run", []]].map(([name, held], k) => {
      const panel = made("div", { className: "figure-panel", id: `${label}-panel-${k}`, role: "tabpanel" });
      const tab = made("button", { type: "button", id: `${label}-tab-${k}`, role: "tab", textContent: name });
      tab.setAttribute("aria-controls", panel.id);
      panel.setAttribute("aria-labelledby", tab.id);
      panel.dataset.name = name;
      panel.append(...held);
      list.append(tab);
      return { tab, panel };
    });
    const choose = chosen => parts.forEach(({ tab, panel }, k) => {
      tab.setAttribute("aria-selected", k === chosen);
      tab.tabIndex = k === chosen ? 0 : -1;
      panel.classList.toggle("away", k !== chosen);
    });
    parts.forEach(({ tab }, k) => {
      tab.addEventListener("click", () => choose(k));
      tab.addEventListener("keydown", event => {
        if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
        choose(1 - k);
        parts[1 - k].tab.focus();
      });
    });
    choose(0);
    const node = made("div", { className: "figure-tabs" });
    cell.before(node);
    node.append(list, ...parts.map(({ panel }) => panel));
    return { node, panel: parts[1].panel };
  }

  for (const cell of document.querySelectorAll(".cell[class*=tag_beside-]")) {
    const label = named(cell), caption = document.getElementById(label);
    if (!tabs[label] && !caption?.nextElementSibling?.matches(".cell")) continue;
    tabs[label] ??= place(label, cell, caption);
    const { node, panel } = tabs[label];
    if (cell.parentElement === node.parentElement) // with what is said between two cells
      while (node.nextElementSibling && node.nextElementSibling !== cell) panel.append(node.nextElementSibling);
    panel.append(cell);
    if (location.hash === `#${label}`) document.getElementById(label).scrollIntoView();
  }
}
