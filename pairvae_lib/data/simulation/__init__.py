"""The embedded simulator: pairs of a micrograph and a scattering pattern from one phase field.

The paper's 72 pairs cannot be shipped; these stand in for them. What is simulated: a copolymer blend that separates on
a chemical grating (`phase_field`), in the four morphologies of the paper (`morphologies`), seen by an electron
microscope (`micrograph`) and by X-rays (`pattern`). The size of a pixel, 2.75 nm, is assumed.
"""

from pairvae_lib.data.simulation.dataset import simulate
from pairvae_lib.data.simulation.morphologies import MORPHOLOGIES
from pairvae_lib.data.simulation.pair import SimulatedPair, simulate_pair

__all__ = ["MORPHOLOGIES", "SimulatedPair", "simulate", "simulate_pair"]
