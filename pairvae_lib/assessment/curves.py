"""What figures are drawn from, of one run: reconstructions of example samples, and places in the latent space."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pairvae_lib.assessment.errors import examples, pair_reconstructions, solo_reconstructions
from pairvae_lib.config import Profile
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.models.latents import correlation_spread, latent_statistics, latents_of, principal_components
from pairvae_lib.models.loop import rng_for
from pairvae_lib.models.pairvae import VAE, PairVAE, route_name
from pairvae_lib.models.training import focused_crops

POSTERIOR_SAMPLES = 8


def latent_results(
    solo: Mapping[str, VAE], model: PairVAE, pairs: PreparedPairs, profile: Profile, seed: int
) -> tuple[dict[str, dict[str, float]], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Latents before and after pair training, one crop of each micrograph.

    Returns
    -------
    statistics : dict
        `latents.latent_statistics` of "solo saxs", "solo sem", "pair saxs", "pair sem".
    coordinates : dict of ndarray of shape (n, 2)
        Their principal components: "latents solo saxs", ...
    uncertainty : dict of ndarray of shape (n,)
        "S2 spread": `latents.correlation_spread` of scattering -> micrograph.
    """
    scattering, micrograph = (modality.name for modality in pairs.modalities)
    crops = pairs.crops(range(len(pairs)), profile.image_size, rng_for(seed, "latents"))
    latents = latents_of(solo, model, {scattering: pairs.scattering, micrograph: crops})
    spread = correlation_spread(
        model, pairs.scattering, scattering, micrograph, POSTERIOR_SAMPLES, rng_for(seed, "posterior samples")
    )
    return (
        {label: latent_statistics(values, pairs.morphologies) for label, values in latents.items()},
        {f"latents {label}": principal_components(values) for label, values in latents.items()},
        {"S2 spread": spread},
    )


def example_results(
    solo: Mapping[str, VAE], model: PairVAE, pairs: PreparedPairs, split: Split, profile: Profile, seed: int
) -> dict[str, np.ndarray]:
    """One held-out and one training sample of each of m morphologies, with all reconstructions.

    Returns
    -------
    dict of str to ndarray
        Held out: "example labels", "example index" (m); for micrographs (m, side, side), "example true sem",
        "example solo sem_to_sem", ...; likewise for scattering. Training: "training example labels",
        "training example crop" (of the focused phase), "training example recalled" (drawn from the scattering),
        "training example other crop". And "q" of 1-D profiles.
    """
    scattering, micrograph = (modality.name for modality in pairs.modalities)
    shown = examples(pairs.morphologies, split.held_out)
    chosen = list(shown.values())
    measured = {
        scattering: pairs.scattering[chosen],
        micrograph: pairs.crops(chosen, profile.image_size, rng_for(seed, "examples")),
    }
    found = {
        "example labels": np.array(list(shown)),
        "example index": np.array(chosen),
        f"example true {scattering}": measured[scattering][:, 0],
        f"example true {micrograph}": measured[micrograph][:, 0] > 0.5,
    }
    found |= {f"example solo {route}": values for route, values in solo_reconstructions(solo, measured).items()}
    found |= {f"example {route}": values for route, values in pair_reconstructions(model, measured).items()}

    trained = examples(pairs.morphologies, split.train)
    chosen = list(trained.values())
    crops = pairs.crops(chosen, profile.image_size, rng_for(seed, "other"))
    recalled = pair_reconstructions(model, {scattering: pairs.scattering[chosen], micrograph: crops})
    found |= {
        "training example labels": np.array(list(trained)),
        "training example crop": focused_crops(pairs, tuple(chosen), profile.pair, seed)[:, 0] > 0.5,
        "training example recalled": recalled[route_name(scattering, micrograph)],
        "training example other crop": crops[:, 0] > 0.5,
    }
    return found if pairs.q is None else found | {"q": pairs.q}
