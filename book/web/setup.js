// On every page with widgets: what draws them, 3.7 MB, is loaded once a reader comes near one. Until then, and where
// nothing runs, a picture stands there.
"use strict";

{
  const NEAR = "600px"; // from the visible part of the page
  const base = new URL(".", document.currentScript.src).href;
  const loaded = name => new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement("script"), {
      src: base + name, onload: resolve, onerror: () => reject(new Error(`${name} could not be loaded`)),
    }));
  });

  async function draw() {
    await loaded("require.js");
    // Widget modules and their fonts lie beside this file; without these paths they are asked for on a public network.
    window.requirejs.config({
      paths: {
        anywidget: base + "anywidget",
        "@jupyter-widgets": base.slice(0, -1),
        "@jupyter-widgets/html-manager/dist": base.slice(0, -1),
      },
    });
    await loaded("embed-amd.js");
  }

  document.addEventListener("DOMContentLoaded", () => {
    // The widgets typeset their labels with MathJax 2; the pages have MathJax 3.
    if (window.MathJax?.typesetPromise) {
      window.MathJax.Hub = { Queue: ([, , element]) => window.MathJax.typesetPromise([element]) };
    }
    const watch = new IntersectionObserver(entries => {
      if (!entries.some(entry => entry.isIntersecting)) return;
      watch.disconnect();
      draw();
    }, { rootMargin: NEAR });
    document.querySelectorAll('script[type="application/vnd.jupyter.widget-view+json"]')
      .forEach(view => watch.observe(view.closest(".cell_output") ?? view.parentElement));
  });
}
