"""From a folder of pairs, or the simulator, to arrays that a network takes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
