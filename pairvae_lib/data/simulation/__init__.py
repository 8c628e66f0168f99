"""The embedded simulators: pairs of a micrograph and a scattering pattern of films, and pairs of two curves of spheres.

The paper's 72 pairs cannot be shipped; simulated films stand in for them: a copolymer blend that separates on a
chemical grating (`phase_field`), in the four morphologies of the paper (`morphologies`), seen by an electron microscope
(`micrograph`) and by X-rays (`pattern`). The size of a pixel, 2.75 nm, is assumed. `spheres` has no images: scattering
curves and extinction spectra of gold particles.
"""

from pairvae_lib.data.simulation.dataset import simulate
from pairvae_lib.data.simulation.morphologies import MORPHOLOGIES
from pairvae_lib.data.simulation.pair import SimulatedPair, simulate_pair
from pairvae_lib.data.simulation.spheres import simulate_spheres

__all__ = ["MORPHOLOGIES", "SimulatedPair", "simulate", "simulate_pair", "simulate_spheres"]
