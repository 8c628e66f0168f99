"""Masks of a morphology: what they hold, and how they correlate."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
