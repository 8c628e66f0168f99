from . import figures as figures, morphology as morphology
from .assessment.errors import assess as assess
from .bundles.bundle import load_bundle as load_bundle
from .bundles.train import save_model as save_model, train_bundle as train_bundle
from .data.folder import open_pairs as open_pairs, prepare as prepare
from .data.pairs import PreparedPairs as PreparedPairs
from .data.simulation.dataset import simulate as simulate
from .files.runs import SIMULATED as SIMULATED, Run as Run
from .models.flow.network import ConditionalFlow as ConditionalFlow
from .models.pairvae import PairVAE as PairVAE
from .models.protocol import train as train

__version__: str
