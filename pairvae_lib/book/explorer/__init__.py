"""Explorers of a latent space and of a flow, whose networks run in the reader's browser."""

from pairvae_lib.book.explorer.examples import Exploration, FlowExploration
from pairvae_lib.book.explorer.widget import explored_models, flow_explorer, latent_explorer

__all__ = ["Exploration", "FlowExploration", "explored_models", "flow_explorer", "latent_explorer"]
