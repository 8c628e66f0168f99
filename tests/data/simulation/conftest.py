from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.data.simulation import SimulatedPair, simulate_pair

KINDS = {
    "hexagonal": ("hexagonal", 0),
    "skew": ("skew", 0),
    "alternating lines": ("alternating lines", 0),
    "narrow ladders": ("ladders", 0),
    "wide ladders": ("ladders", 1),
}


@pytest.fixture(scope="session")
def pairs() -> dict[str, SimulatedPair]:
    """One quick pair of every kind."""
    return {
        kind: simulate_pair(morphology, "quick", np.random.default_rng(11), variant)
        for kind, (morphology, variant) in KINDS.items()
    }
