"""Where results lie, and files: written whole or not at all, held against other processes, made from templates."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
