from .flow.config import APPLIED_FLOWS as APPLIED_FLOWS
from .flow.network import ConditionalFlow as ConditionalFlow
from .flow.training import load_or_train_flow as load_or_train_flow
from .latents import (
    ensemble as ensemble,
    ensemble_results as ensemble_results,
    posterior as posterior,
)
from .loop import (
    rng_for as rng_for,
    state_digest as state_digest,
)
from .pairvae import (
    VAE as VAE,
    PairVAE as PairVAE,
    barlow_twins_loss as barlow_twins_loss,
    cross_correlation as cross_correlation,
    kl_divergence as kl_divergence,
    negative_elbo as negative_elbo,
    reconstruction_loss as reconstruction_loss,
    route_name as route_name,
)
from .protocol import (
    load_or_train_pair as load_or_train_pair,
    load_or_train_solo as load_or_train_solo,
    load_pair as load_pair,
    save_histories as save_histories,
    split_pairs as split_pairs,
    starting_vaes as starting_vaes,
)
from .snapshots import (
    pictures as pictures,
    watched_pairs as watched_pairs,
)
from .training import (
    focused_crops as focused_crops,
    loss_weights as loss_weights,
    pretrain_barlow as pretrain_barlow,
    train_pair as train_pair,
    train_solo as train_solo,
)
