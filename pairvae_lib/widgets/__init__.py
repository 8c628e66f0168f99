"""Widgets that still work in a page without a kernel: every picture is embedded, and links run in the front end."""

from pairvae_lib.widgets.explorer import explored_models, flow_explorer, latent_explorer
from pairvae_lib.widgets.pictures import png
from pairvae_lib.widgets.selectors import grid_selector, stack_slider

__all__ = ["explored_models", "flow_explorer", "grid_selector", "latent_explorer", "png", "stack_slider"]
