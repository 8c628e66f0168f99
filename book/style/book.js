// Names for what the widgets' own script leaves nameless, so that a screen reader can say what a slider changes.
"use strict";

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
