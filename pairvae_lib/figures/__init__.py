"""Figures: arrays in, a matplotlib Figure out. On any two techniques.

`figures.paper` holds every figure and table of the paper by its number, drawn from saved results; `png`,
`stack_slider` and `grid_selector` put pictures on a page.

Every function returns an open pyplot figure, which a notebook shows at the end of its cell; close it elsewhere. What
does not fit raises a ValueError that names the argument and what it holds. Names are loaded when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
