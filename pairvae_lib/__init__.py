"""The reproducible companion of PairVAE: linking scattering patterns and micrographs of the same samples.

    import pairvae_lib as pv

    pairs = pv.prepare(pv.open_pairs("my_pairs"), profile="quick")
    model = pv.train(pairs, seed=43)
    masks = model.reconstruct(pairs.scattering[:4], "saxs", "sem")
    errors = pv.assess(model, pairs)

Names are loaded when they are first used.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
