"""Every figure of the paper, and Table S2, by number: `figures.paper.fig_3a(curves)`. Saved results in, Figures out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
