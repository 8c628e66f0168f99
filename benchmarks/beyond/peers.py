"""Multimodal VAEs of others, with this project's encoders and decoders: what a reader would try first.

They come from the library MultiVae (Senellart et al. 2023), which is not installed with this one: see the optional
extra `peers`. Both learn p(scattering, micrograph) of one latent; they differ in how a posterior for one technique
follows from that for both. Source: MVAE, Wu and Goodman 2018; MoPoE, Sutter et al. 2021.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pairvae_lib.checks import check_one_of
from pairvae_lib.config import Profile
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.models.loop import (
    History,
    batches,
    load_checkpoint,
    optimise,
    provenance,
    remaining_epochs,
    rng_for,
    save_checkpoint,
)
from pairvae_lib.models.pairvae import VAE, fresh_vae

PEERS = ("MVAE", "MoPoE")
DISTRIBUTIONS = {"bernoulli": "bernoulli", "gaussian": "normal"}


@dataclass(frozen=True)
class PeerTraining:
    """Training of the peers on random crops; what is not said here is MultiVae's own default."""

    # Each takes about as long as solo and pair training of a PairVAE of the same size; an epoch of MVAE decodes twice
    # as often as one of MoPoE.
    epochs: dict[str, int] = field(default_factory=lambda: {"MVAE": 300, "MoPoE": 600})
    batch_size: int = 8  # as PairVAE's
    learning_rate: float = 1e-3
    beta: float = 1.0  # weight of the KL divergence: the evidence lower bound as it is
    warm_up: int = 10  # epochs over which MVAE raises it
    intensity_scale: float = 0.1  # standard deviation of the scattering about its reconstruction


class Peer(nn.Module):
    """A multimodal VAE of two modalities.

    Parameters
    ----------
    name : str
        One of PEERS.
    first, second : VAE
        Their encoders and decoders are taken; the latent is theirs, flattened.
    settings : PeerTraining

    Raises
    ------
    ValueError
        If there is no such peer.
    ModuleNotFoundError
        If MultiVae is not installed.
    """

    def __init__(self, name: str, first: VAE, second: VAE, settings: PeerTraining):
        super().__init__()
        check_one_of("peer", name, PEERS)
        self.name = name
        multivae = _multivae()
        vaes = {vae.modality.name: vae for vae in (first, second)}
        self.latent_shape = first.latent_shape
        options: dict[str, Any] = {"warmup": settings.warm_up} if name == "MVAE" else {}
        config = getattr(multivae, f"{name}Config")(
            n_modalities=2,
            latent_dim=math.prod(first.latent_shape),
            input_dims={key: (1, *vae.modality.shape) for key, vae in vaes.items()},
            decoders_dist={key: DISTRIBUTIONS[vae.modality.likelihood] for key, vae in vaes.items()},
            decoder_dist_params={
                key: {"scale": settings.intensity_scale}
                for key, vae in vaes.items()
                if vae.modality.likelihood == "gaussian"
            },
            beta=settings.beta,
            **options,
        )
        encoders, decoders = _parts(vaes)
        self.joint = getattr(multivae, name)(config, encoders, decoders)

    def loss(self, measurements: Mapping[str, Tensor], epoch: int) -> Tensor:
        """The peer's own objective for one batch, (B, 1, *shape) of either technique; epochs count from 0."""
        from multivae.data.datasets.base import MultimodalBaseDataset

        return self.joint(MultimodalBaseDataset(dict(measurements)), epoch=epoch + 1).loss

    @torch.no_grad()
    def reconstruct(self, x: Tensor, source: str, target: str, seed: int) -> Tensor:
        """Decode `target` from a sample of the posterior of `source`: logits or intensities, (B, 1, *shape).

        Parameters
        ----------
        x : Tensor of shape (B, 1, *shape of source)
            Repeat a measurement for an ensemble.
        source, target : str
        seed : int
            Of the samples.
        """
        from multivae.data.datasets.base import MultimodalBaseDataset

        # MoPoE encodes both techniques before it looks at one
        unseen = x.new_zeros(len(x), *self.joint.input_dims[target])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            latent = self.joint.encode(MultimodalBaseDataset({target: unseen, source: x}), cond_mod=[source]).z
        return self.joint.decoders[target](latent.reshape(len(x), -1)).reconstruction


def train_peer(
    peer: Peer,
    pairs: PreparedPairs,
    train: tuple[int, ...],
    settings: PeerTraining,
    seed: int,
    partial: Path | None = None,
) -> History:
    """Train a peer on new random crops in every epoch, in place.

    Parameters
    ----------
    peer : Peer
        Fresh.
    pairs, train, settings, seed, partial
        As `training.train_pair`.

    Returns
    -------
    History
        loss [nats per sample] of every epoch.
    """
    scattering, micrograph = (modality.name for modality in pairs.modalities)
    size = pairs.modalities[1].shape[0]
    optimizer = torch.optim.Adam(peer.parameters(), settings.learning_rate)
    patterns = torch.from_numpy(pairs.scattering[list(train)])

    made_with = provenance(peer.name, seed, pairs.digest, train, settings, peer)
    history = History()
    peer.train()
    for epoch, means in remaining_epochs(
        history, peer, optimizer, settings.epochs[peer.name], made_with, partial, peer.name
    ):
        rng = rng_for(seed, "peer", epoch)
        crops = torch.from_numpy(pairs.crops(train, size, rng))
        with torch.random.fork_rng(devices=[]):  # MultiVae draws from torch's own generator
            torch.manual_seed(int(rng.integers(2**31)))
            for batch in batches(len(train), settings.batch_size, epoch):
                loss = peer.loss({scattering: patterns[batch], micrograph: crops[batch]}, epoch)
                optimise(optimizer, loss)
                means.add({"loss": loss})
    peer.eval()
    return history


def load_or_train_peer(
    name: str,
    pairs: PreparedPairs,
    train: tuple[int, ...],
    profile: Profile,
    settings: PeerTraining,
    seed: int,
    file: Path,
) -> tuple[Peer, History]:
    """A trained peer with its history: read from `file`, or trained and written there.

    Raises
    ------
    ValueError
        If the file was made with other settings.
    """
    first, second = (fresh_vae(modality, profile, seed + i) for i, modality in enumerate(pairs.modalities))
    peer = Peer(name, first, second, settings)
    made_with = provenance(name, seed, pairs.digest, train, settings, peer)
    made_with |= {"architecture": asdict(profile.architecture)}
    if file.exists():
        content = load_checkpoint(file, made_with)
        peer.load_state_dict(content["peer"])
        return peer.eval(), History(content["history"])
    partial = file.with_suffix(".partial")
    history = train_peer(peer, pairs, train, settings, seed, partial)
    save_checkpoint(file, made_with, {"peer": peer.state_dict(), "history": history.losses})
    partial.unlink(missing_ok=True)
    return peer, history


def _multivae() -> Any:
    """The models of MultiVae.

    It imports torchvision for its data sets. Beside a torch for processors the torchvision of PyPI cannot load its
    compiled operators and breaks on two of their names; nothing here uses them, so the names are declared for it.
    """
    if find_spec("multivae") is None:
        raise ModuleNotFoundError(
            "the peers need MultiVae, which is not installed: pip install -c constraints.txt -e '.[peers]'"
        )
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in ("nms", "qnms"):
            _DECLARED.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import multivae.models

    for logger in ("multivae", "pythae"):
        logging.getLogger(logger).setLevel(logging.WARNING)
    return multivae.models


_DECLARED = torch.library.Library("torchvision", "FRAGMENT")  # declarations live as long as this object


def _parts(vaes: Mapping[str, VAE]) -> tuple[dict[str, nn.Module], dict[str, nn.Module]]:
    """Encoders and decoders in the form that MultiVae expects."""
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoding(BaseEncoder):
        def __init__(self, vae: VAE):
            super().__init__()
            self.latent_dim = math.prod(vae.latent_shape)
            self.encoder = vae.encoder

        def forward(self, x: Tensor) -> Any:
            posterior = self.encoder(x)
            return ModelOutput(
                embedding=posterior.latent_mean.flatten(1), log_covariance=2 * posterior.latent_scale.log().flatten(1)
            )

    class Decoding(BaseDecoder):
        def __init__(self, vae: VAE):
            super().__init__()
            self.latent_dim = math.prod(vae.latent_shape)
            self.decoder, self.latent_shape = vae.decoder, vae.latent_shape

        def forward(self, latent: Tensor) -> Any:
            return ModelOutput(reconstruction=self.decoder(latent.reshape(-1, *self.latent_shape)))

    return {key: Encoding(vae) for key, vae in vaes.items()}, {key: Decoding(vae) for key, vae in vaes.items()}
