"""What each kind of model can be asked for: its routes, draws from them, and what its latents spread over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from pairvae_lib.answers import flow_answer
from pairvae_lib.bundle import LATENTS, Bundle
from pairvae_lib.fitting import generator
from pairvae_lib.flow import ConditionalFlow
from pairvae_lib.latents import posterior
from pairvae_lib.model import PairVAE
from pairvae_lib.pairs import PreparedPairs

PART = 64  # latents decoded at once, which bounds the memory


@dataclass(frozen=True)
class Use:
    """What a kind of model can be asked for.

    Parameters
    ----------
    routes : callable
        Bundle to the pairs (source, target) that it knows.
    drawn : callable
        (bundle, x, source, target, n, rng) to (m, n, *target shape), from x of shape (m, 1, *source shape).
    best : callable, optional
        (bundle, x, source, target) to (m, *target shape): one reconstruction without chance.
    """

    routes: Callable[[Bundle], list[tuple[str, str]]]
    drawn: Callable[[Bundle, NDArray[np.float32], str, str, int, np.random.Generator], NDArray]
    best: Callable[[Bundle, NDArray[np.float32], str, str], NDArray] | None = None


def _routes_of_pairvae(bundle: Bundle) -> list[tuple[str, str]]:
    """All four."""
    return cast(PairVAE, bundle.model).routes


def _drawn_by_pairvae(
    bundle: Bundle, x: NDArray[np.float32], source: str, target: str, n: int, rng: np.random.Generator
) -> NDArray:
    """Decoded from samples of the posterior."""
    model = cast(PairVAE, bundle.model)
    encoded, vae = posterior(model.vae(source), x), model.vae(target)
    noise = torch.from_numpy(rng.standard_normal((len(x), n, *vae.latent_shape), dtype=np.float32))
    latents = encoded.latent_mean[:, None] + encoded.latent_scale[:, None] * noise
    with torch.inference_mode():
        shown = torch.cat([vae.shown(vae.decode(part)) for part in latents.flatten(0, 1).split(PART)])
    return shown[:, 0].unflatten(0, (len(x), n)).numpy()


def _best_of_pairvae(bundle: Bundle, x: NDArray[np.float32], source: str, target: str) -> NDArray:
    """Decoded from the posterior's mean."""
    with torch.inference_mode():
        return cast(PairVAE, bundle.model).reconstruct(torch.from_numpy(x), source, target)[:, 0].numpy()


def _routes_of_flow(bundle: Bundle) -> list[tuple[str, str]]:
    """Scattering to micrograph alone."""
    scattering, micrograph = bundle.modalities
    return [(scattering.name, micrograph.name)]


def _drawn_by_flow(
    bundle: Bundle, x: NDArray[np.float32], source: str, target: str, n: int, rng: np.random.Generator
) -> NDArray:
    """Drawn at the size of the training crops."""
    model = cast(ConditionalFlow, bundle.model)
    return flow_answer(model, x, n, bundle.modalities[1].shape[0], rng)


USES: dict[str, Use] = {  # by `bundle.KINDS`
    "pairvae": Use(_routes_of_pairvae, _drawn_by_pairvae, _best_of_pairvae),
    "flow": Use(_routes_of_flow, _drawn_by_flow),
}


def check_route(bundle: Bundle, source: str, target: str) -> None:
    """Raise ValueError unless the model predicts one modality from the other."""
    known = USES[bundle.kind].routes(bundle)
    if (source, target) not in known:
        named = ", ".join(f"{one} to {other}" for one, other in known)
        instead = "" if bundle.kind == "pairvae" else "; a model of the kind 'pairvae' knows all four (pairvae train)"
        raise ValueError(f"route must be one of {named}; got {source} to {target}{instead}")


def check_latents(bundle: Bundle) -> PairVAE:
    """The model, or ValueError if it is of a kind that has no latents to draw around."""
    if not isinstance(bundle.model, PairVAE):
        raise ValueError(
            f"generate needs a model with latents, of the kind 'pairvae'; got {bundle.kind!r}, whose ensembles pairvae "
            "reconstruct draws as widely as the scattering leaves open"
        )
    return bundle.model


def latent_variance(bundle: Bundle) -> dict[str, Tensor]:
    """Variance of the latents of the training samples, by modality.

    Raises
    ------
    ValueError
        If the model's folder does not hold it, or something else in its place.
    """
    if LATENTS not in bundle.attachments:
        raise ValueError(f"the model's folder holds no {LATENTS}, which generation needs; train it with pairvae train")
    try:
        found = load(bundle.attachments[LATENTS])
    except SafetensorError as error:
        raise ValueError(f"{LATENTS} is not a safetensors file ({error})") from error
    model = cast(PairVAE, bundle.model)
    for name in model.names:
        wanted = model.vae(name).latent_shape
        if name not in found or tuple(found[name].shape) != wanted:
            raise ValueError(f"{LATENTS} must hold {name} of shape {wanted}")
        if not (found[name].isfinite().all() and (found[name] >= 0).all()):
            raise ValueError(f"{LATENTS} must hold variances: finite, not below 0")
    return found


def training_variance(model: PairVAE, pairs: PreparedPairs, train: tuple[int, ...], seed: int) -> dict[str, Tensor]:
    """What `latent_variance` gives back: variance over the training samples, one crop of each micrograph."""
    scattering, micrograph = model.names
    crops = pairs.crops(train, pairs.modalities[1].shape[0], generator(seed, "latents"))
    measured = {scattering: pairs.scattering[list(train)], micrograph: crops}
    return {
        name: posterior(model.vae(name), x).latent_mean.var(dim=0, correction=0).contiguous()
        for name, x in measured.items()
    }
