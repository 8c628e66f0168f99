"""Time of every part against its literal form, in one run: `make bench`.

Prints a table and writes the same rows to results/bench.json. Literal and ours alternate, so that a machine that slows
down slows both; a row's times are medians.
"""

from __future__ import annotations

import argparse
import copy
import json
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from benchmarks.literal import literal_kl, literal_pair_losses, make_literal
from pairvae_lib.config import BANK_CROPS, PAPER, Profile, profile_named
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.simulation import simulate_pair
from pairvae_lib.data.simulation.morphologies import drawn_parameters
from pairvae_lib.data.simulation.pair import MICROGRAPH_PX, SIZES
from pairvae_lib.data.simulation.phase_field import PREFERRED_PERIOD, Grid, evolved
from pairvae_lib.files.arrays import write_json
from pairvae_lib.files.runs import results_root
from pairvae_lib.models.loop import standard_normal
from pairvae_lib.models.pairvae import VAE, PairVAE, adam, fresh_vae, kl_divergence, reconstruction_loss
from pairvae_lib.models.precision import Resolved
from pairvae_lib.models.training import loss_weights, pair_losses
from pairvae_lib.morphology.masks import lineal_path, two_point_correlation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import porespy

BATCH = PAPER.pair.batch_size


@dataclass(frozen=True)
class Row:
    """One line of the table; times in ms, None where there is no literal form."""

    name: str
    precision: str
    threads: int
    literal_ms: float | None
    ours_ms: float
    ratio: float | None
    peak_mb: float


def timed(name: str, precision: str, ours: Callable[[], object], literal: Callable[[], object] | None, n: int) -> Row:
    """Median times of `n` calls of each in turn, after one that does not count."""
    calls = {"ours": ours} | ({} if literal is None else {"literal": literal})
    times: dict[str, list[float]] = {key: [] for key in calls}
    for repeat in range(n + 1):
        for key, call in calls.items():
            start = time.perf_counter()
            call()
            if repeat:
                times[key].append(1e3 * (time.perf_counter() - start))
    medians = {key: statistics.median(values) for key, values in times.items()}
    literal_ms = medians.get("literal")
    row = Row(
        name=name,
        precision=precision,
        threads=torch.get_num_threads(),
        literal_ms=None if literal_ms is None else round(literal_ms, 3),
        ours_ms=round(medians["ours"], 3),
        ratio=None if literal_ms is None else round(literal_ms / medians["ours"], 2),
        peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 0),
    )
    shown = "" if row.ratio is None else f"{literal_ms:12.1f} {row.ratio:8.1f}"
    print(f"{name:38s} {precision:5s} {row.threads:2d} {row.ours_ms:10.2f} {shown:21s} {row.peak_mb:7.0f}", flush=True)
    return row


def solo_step(vae: VAE, optimizer: torch.optim.Optimizer, prepared: Tensor, x: Tensor) -> None:
    """One step of solo training."""
    posterior = vae.posterior(prepared)
    decoded = vae.decode(posterior.sample(torch.randn_like(posterior.latent_mean)))
    loss = reconstruction_loss(decoded, x, vae.modality.likelihood) + 1e-6 * kl_divergence(*posterior)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def literal_solo_step(vae: VAE, optimizer: torch.optim.Optimizer, x: Tensor) -> None:
    """The same, nothing cached: the frozen backbone runs in every step, and the KL term is sampled."""
    posterior = vae.encode(x)
    latent = posterior.sample(torch.randn_like(posterior.latent_mean))
    loss = reconstruction_loss(vae.decode(latent), x, vae.modality.likelihood) + 1e-6 * literal_kl(latent, posterior)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def training_rows(profile: Profile, precisions: tuple[Resolved, ...], n: int) -> list[Row]:
    """Solo and pair steps at a profile's sizes, and each saving of the SEM decoder alone."""
    # The original's encoder: literally, it is run in every step; ours computes its features once.
    profile = replace(profile, architecture=replace(profile.architecture, encoder="resnet50"))
    size = profile.image_size
    modalities = (Modality("saxs", (size, size), "gaussian"), Modality("sem", (size, size), "bernoulli"))
    vaes = {modality.name: fresh_vae(modality, profile, 0) for modality in modalities}
    literal = {name: copy.deepcopy(vae) for name, vae in vaes.items()}
    for vae in literal.values():
        make_literal(vae.decoder)
    x = {name: torch.rand(BATCH, 1, size, size).round() for name in vaes}
    rows = [feature_row(vaes["sem"], x["sem"], n)]
    for precision in precisions:
        rows += decoder_rows(vaes["sem"], literal["sem"], precision, n)
        for name, vae in vaes.items():
            vae.precision = precision
            prepared = vae.prepared(x[name])
            steps = [adam(vae, 1e-3, 1e-7), torch.optim.Adam(literal[name].parameters(), 1e-3)]
            rows.append(
                timed(
                    f"{name}_solo_step",
                    precision,
                    partial(solo_step, vae, steps[0], prepared, x[name]),
                    partial(literal_solo_step, literal[name], steps[1], x[name]),
                    n,
                )
            )
        rows.append(pair_row(profile, vaes, literal, x, precision, n))
    return rows


def decoder_rows(vae: VAE, literal: VAE, precision: Resolved, n: int) -> list[Row]:
    """Forward and backward of the SEM decoder, one saving after the other."""
    latent = torch.randn(BATCH, *vae.latent_shape)

    def passed(decoder: nn.Module, precision: Resolved) -> Callable[[], None]:
        wrapped = copy.deepcopy(vae)
        wrapped.decoder, wrapped.precision = decoder, precision
        return lambda: wrapped.decode(latent).square().mean().backward()

    collapsed = copy.deepcopy(vae.decoder)
    for module in collapsed.modules():
        if hasattr(module, "form"):
            module.form = "transposed"
    as_written = passed(literal.decoder, "fp32")
    return [
        timed("sem_decoder: output layer collapsed", precision, passed(collapsed, precision), as_written, n),
        timed("sem_decoder: and sub-pixel form", precision, passed(vae.decoder, precision), as_written, n),
    ]


def pair_row(
    profile: Profile, vaes: dict[str, VAE], literal: dict[str, VAE], x: dict[str, Tensor], precision: Resolved, n: int
) -> Row:
    """A focused step of pair training."""
    model, literal_model = PairVAE(*vaes.values()).eval(), PairVAE(*literal.values()).eval()
    weights = loss_weights(model, profile.pair)
    optimizers = adam(model, 1e-3, 1e-7), torch.optim.Adam(literal_model.parameters(), 1e-3)
    prepared = {name: model.vae(name).prepared(x[name]) for name in vaes}
    rng = np.random.default_rng(0)
    zeros = torch.zeros(BATCH, *profile.latent_shape)

    def ours() -> None:
        losses = pair_losses(model, x, prepared, rng, profile.pair)
        total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
        optimizers[0].zero_grad()
        total.backward()
        optimizers[0].step()

    def as_written() -> None:
        total = literal_pair_losses(
            literal_model, x, {name: standard_normal(rng, zeros) for name in vaes}, profile.pair
        )
        optimizers[1].zero_grad()
        total.backward()
        optimizers[1].step()

    return timed("pair_step", precision, ours, as_written, n)


def porespy_lineal_path(mask: np.ndarray) -> object:
    """Distribution of vertical chord lengths by PoreSpy, every second line: its way to a lineal path function.

    Not the same number as L(z), which is an exact count over all segments: only the time is compared.
    """
    chords = porespy.filters.apply_chords(mask, axis=0, spacing=1, trim_edges=False) > 0
    labels, _ = ndimage.label(chords)
    lengths = np.bincount(labels.ravel())
    lengths[0] = 0
    return porespy.metrics.lineal_path_distribution(lengths[labels], bins=np.arange(mask.shape[0] + 1))


def feature_row(vae: VAE, x: Tensor, n: int) -> Row:
    """Frozen features of a batch of crops from a bank, against the backbone run again."""
    bank = torch.stack([vae.prepared(x)] * BANK_CROPS)
    pick, every = np.arange(len(x)) % BANK_CROPS, np.arange(len(x))
    return timed("features: crop bank", "fp32", lambda: bank[pick, every], lambda: vae.prepared(x), n)


def morphology_rows(n: int) -> list[Row]:
    """S2 and L(z) of 192 px masks, per image; PoreSpy is the literal form."""
    masks = np.random.default_rng(0).random((32, 192, 192)) < 0.4
    rows = [
        timed(
            "two_point_correlation",
            "fp64",
            lambda: two_point_correlation(masks),
            lambda: [porespy.metrics.two_point_correlation(mask) for mask in masks],
            n,
        ),
        timed(
            "lineal_path",
            "fp64",
            lambda: lineal_path(masks),
            lambda: [porespy_lineal_path(mask) for mask in masks],
            n,
        ),
    ]
    per_image = len(masks)
    return [
        Row(**asdict(row) | {
            "literal_ms": None if row.literal_ms is None else row.literal_ms / per_image,
            "ours_ms": row.ours_ms / per_image,
        })
        for row in rows
    ]


def simulator_rows(n: int) -> list[Row]:
    """One phase field, and one pair of several fields with its micrograph and pattern, at both sizes."""
    rng = np.random.default_rng(0)
    parameters = drawn_parameters("hexagonal", rng)
    rows = []
    for size, settings in SIZES.items():
        grid = Grid(*settings.grid, spacing=PREFERRED_PERIOD * MICROGRAPH_PX / parameters.period_px)
        field = partial(evolved, parameters, grid, rng, settings.long_steps)
        rows.append(timed(f"simulated field ({size})", "fp32", field, None, n))
        rows.append(timed(f"simulate_pair ({size})", "fp32", partial(simulate_pair, "hexagonal", size, rng), None, n))
    return rows


def main() -> None:
    """Print the table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="paper", help="sizes of the training steps")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"{'':38s} {'':5s}    {'ours [ms]':>10s} {'literal [ms]':>12s} {'ratio':>8s} {'MB':>7s}")
    rows = training_rows(profile_named(options.profile), ("fp32", "bf16"), options.repeats)
    rows += simulator_rows(2)
    rows += morphology_rows(options.repeats)
    target = results_root() / "bench.json"
    write_json(target, [asdict(row) for row in rows])
    print(json.dumps({"rows": len(rows), "written": str(target)}))


if __name__ == "__main__":
    main()
