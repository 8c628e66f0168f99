from .folder import open_pairs as open_pairs, prepare as prepare
from .pairs import PreparedPairs as PreparedPairs
from .simulation import (
    MORPHOLOGIES as MORPHOLOGIES,
    simulate as simulate,
    simulate_pair as simulate_pair,
    simulate_spheres as simulate_spheres,
)
from .splits import Split as Split
from .thresholds import (
    METHODS as METHODS,
    lit_samples as lit_samples,
    save_study as save_study,
    threshold_study as threshold_study,
)
