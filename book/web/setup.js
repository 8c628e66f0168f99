// Runs between require.js and embed-amd.js, on every page with widgets.

// The theme's FontAwesome replaces <i> by <svg>. In the Play widget that throws, and linked widgets stop silently.
window.FontAwesomeConfig = { ...window.FontAwesomeConfig, observeMutations: false };

// Widget modules and their fonts lie beside this file; without these paths they are asked for on a public network.
{
  const base = new URL(".", document.currentScript.src).href;
  window.requirejs.config({
    paths: {
      anywidget: base + "anywidget",
      "@jupyter-widgets": base.slice(0, -1),
      "@jupyter-widgets/html-manager/dist": base.slice(0, -1),
    },
  });
}

// The widgets typeset their labels with MathJax 2; the pages have MathJax 3.
document.addEventListener("DOMContentLoaded", () => {
  if (window.MathJax?.typesetPromise) {
    window.MathJax.Hub = { Queue: ([, , element]) => window.MathJax.typesetPromise([element]) };
  }
});
