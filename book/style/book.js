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

// One figure at the paper's size and of this run, in neighbouring cells: buttons choose, the paper's size first.
// Without scripts, and on paper, both stand below each other.
for (const first of document.querySelectorAll(".cell.tag_paper-size")) {
  const cells = [first, first.nextElementSibling];
  if (!cells[1]?.matches(".cell.tag_this-run")) continue;
  const choice = document.createElement("div");
  choice.className = "sizes";
  choice.role = "group";
  choice.ariaLabel = "Which results the figure shows";
  const buttons = ["Paper's size", "This run"].map(words => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    return button;
  });
  const show = shown =>
    cells.forEach((cell, k) => {
      cell.hidden = k !== shown;
      buttons[k].ariaPressed = String(k === shown);
    });
  buttons.forEach((button, k) => button.addEventListener("click", () => show(k)));
  choice.append(...buttons);
  first.before(choice);
  show(0);
}
