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
from torch import Tensor

from benchmarks.literal import literal_kl, literal_pair_losses, make_literal
from pairvae_lib.config import BANK_CROPS, PAPER, Profile, profile_named
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.simulation import simulate_pair
from pairvae_lib.data.simulation.morphologies import drawn_parameters
from pairvae_lib.data.simulation.pair import MICROGRAPH_PX, SIZES
from pairvae_lib.data.simulation.phase_field import PREFERRED_PERIOD, Grid, evolved
from pairvae_lib.files.arrays import write_json
from pairvae_lib.files.runs import results_root
from pairvae_lib.models.loop import optimise, standard_normal
from pairvae_lib.models.pairvae import VAE, PairVAE, adam, doublings, fresh_vae, kl_divergence, reconstruction_loss
from pairvae_lib.models.precision import Resolved, arithmetic
from pairvae_lib.models.training import loss_weights, pair_losses
from pairvae_lib.morphology.masks import lineal_path, two_point_correlation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import porespy

BATCH = PAPER.pair.batch_size
TRAINING_PAIRS = 48  # the size of the paper's Fig. 3-5 and 7


@dataclass(frozen=True)
class Row:
    """One line of the table; times in ms, None where there is no literal form or ours was always this one."""

    name: str
    precision: str
    threads: int
    literal_ms: float | None
    before_ms: float | None
    ours_ms: float
    ratio: float | None
    peak_mb: float


def timed(
    name: str, precision: str, ours: Callable[[], object], literal: Callable[[], object] | None, n: int,
    before: Callable[[], object] | None = None,
) -> Row:
    """Median times of `n` calls of each in turn, after one that does not count."""
    given = {"ours": ours, "before": before, "literal": literal}
    calls = {key: call for key, call in given.items() if call is not None}
    times: dict[str, list[float]] = {key: [] for key in calls}
    for repeat in range(n + 1):
        for key, call in calls.items():
            start = time.perf_counter()
            call()
            if repeat:
                times[key].append(1e3 * (time.perf_counter() - start))
    medians = {key: statistics.median(values) for key, values in times.items()}
    literal_ms, before_ms = medians.get("literal"), medians.get("before")
    row = Row(
        name=name,
        precision=precision,
        threads=torch.get_num_threads(),
        literal_ms=None if literal_ms is None else round(literal_ms, 3),
        before_ms=None if before_ms is None else round(before_ms, 3),
        ours_ms=round(medians["ours"], 3),
        ratio=None if literal_ms is None else round(literal_ms / medians["ours"], 2),
        peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 0),
    )
    shown = "".join(f"{'' if value is None else format(value, '.1f'):>12s}" for value in (before_ms, literal_ms))
    ratio = "" if row.ratio is None else f"{row.ratio:.1f}"
    ours_ms = f"{name:38s} {precision:5s} {row.threads:2d} {row.ours_ms:10.2f}"
    print(f"{ours_ms} {shown} {ratio:>8s} {row.peak_mb:7.0f}", flush=True)
    return row


def solo_step(vae: VAE, optimizer: torch.optim.Optimizer, prepared: Tensor, x: Tensor) -> None:
    """One step of solo training."""
    posterior = vae.posterior(prepared)
    decoded = vae.decode(posterior.sample(torch.randn_like(posterior.latent_mean)))
    loss = reconstruction_loss(decoded, x, vae.modality.likelihood) + 1e-6 * kl_divergence(*posterior)
    optimise(optimizer, loss)


def literal_solo_step(vae: VAE, optimizer: torch.optim.Optimizer, x: Tensor) -> None:
    """The same, nothing cached: the frozen backbone runs in every step, and the KL term is sampled."""
    posterior = vae.encode(x)
    latent = posterior.sample(torch.randn_like(posterior.latent_mean))
    loss = reconstruction_loss(vae.decode(latent), vae.coded(x), vae.modality.likelihood)
    optimise(optimizer, loss + 1e-6 * literal_kl(latent, posterior))


def with_forms(vae: VAE, precision: Resolved, images: int | None = None) -> VAE:
    """A copy that computes in this precision: in sub-pixel form, or in the forms that are the fastest for so many."""
    copied = copy.deepcopy(vae)
    copied.precision = precision
    if images is not None:
        copied.measure_forms(images)
    return copied


def training_rows(profile: Profile, precisions: tuple[Resolved, ...], n: int, with_literal: bool) -> list[Row]:
    """Solo and pair steps at a profile's sizes, and each saving of the SEM decoder alone.

    "before" are sub-pixel forms in all wide layers, as in the project's first engine.
    """
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
        rows += decoder_rows(vaes["sem"], literal["sem"] if with_literal else None, precision, n)
        for name, vae in vaes.items():
            now, before = with_forms(vae, precision, BATCH), with_forms(vae, precision)
            prepared = vae.prepared(x[name])
            seen = vae.coded(x[name])
            steps = [partial(solo_step, one, adam(one, 1e-3, 1e-7), prepared, seen) for one in (now, before)]
            optimizer = torch.optim.Adam(literal[name].parameters(), 1e-3)
            as_written = partial(literal_solo_step, literal[name], optimizer, x[name]) if with_literal else None
            rows.append(timed(f"{name}_solo_step", precision, steps[0], as_written, n, steps[1]))
        rows.append(pair_row(profile, vaes, literal if with_literal else None, x, precision, n))
        forecast(profile, {row.name: row for row in rows if row.precision == precision})
    return rows


def forecast(profile: Profile, rows: dict[str, Row]) -> None:
    """Print how long the steps of a whole training take, its encoder and checkpoints not counted."""
    batches = {"sem_solo_step": profile.solo.epochs["bernoulli"], "saxs_solo_step": profile.solo.epochs["gaussian"]}
    batches |= {"pair_step": profile.pair.epochs}
    steps = TRAINING_PAIRS // BATCH
    hours = {
        when: sum(epochs * steps * getattr(rows[name], when) for name, epochs in batches.items()) / 3.6e6
        for when in ("ours_ms", "before_ms")
    }
    told = f"{hours['ours_ms']:.2f} hours here on {torch.get_num_threads()} thread ({hours['before_ms']:.2f} before)"
    print(f"  a model of profile {profile.name!r}, {TRAINING_PAIRS} training pairs: {told}")


def decoder_rows(vae: VAE, literal: VAE | None, precision: Resolved, n: int) -> list[Row]:
    """Forward and backward of the SEM decoder, one saving after the other; and its last layer alone."""
    latent = torch.randn(BATCH, *vae.latent_shape)
    before, now = with_forms(vae, precision), with_forms(vae, precision, BATCH)
    collapsed = with_forms(vae, precision)
    for layer in doublings(collapsed):
        layer.form = "transposed"

    def passed(vae: VAE) -> Callable[[], None]:
        return lambda: vae.decode(latent).square().mean().backward()

    def last(vae: VAE) -> Callable[[], None]:
        layer = vae.decoder.output
        side = vae.modality.shape[0] // 2
        x = torch.randn(2 * BATCH, layer.weight.shape[0], side, side).requires_grad_()

        def run() -> None:
            with arithmetic(precision):
                layer(x).square().mean().backward()

        return run

    as_written = None if literal is None else passed(literal)
    return [
        timed("sem_decoder: output layer collapsed", precision, passed(collapsed), as_written, n),
        timed("sem_decoder: and the fastest forms", precision, passed(now), as_written, n, passed(before)),
        timed("sem_decoder: its last layer", precision, last(now), None, n, last(before)),
    ]


def pair_row(
    profile: Profile, vaes: dict[str, VAE], literal: dict[str, VAE] | None, x: dict[str, Tensor], precision: Resolved,
    n: int,
) -> Row:
    """A focused step of pair training."""
    prepared = {name: vae.prepared(x[name]) for name, vae in vaes.items()}
    x = {name: vae.coded(x[name]) for name, vae in vaes.items()}
    rng = np.random.default_rng(0)

    def step(images: int | None) -> Callable[[], None]:
        model = PairVAE(*(with_forms(vae, precision, images) for vae in vaes.values())).eval()
        weights, optimizer = loss_weights(model, profile.pair), adam(model, 1e-3, 1e-7)

        def run() -> None:
            losses = pair_losses(model, x, prepared, rng, profile.pair)
            optimise(optimizer, torch.stack([weights[name] * loss for name, loss in losses.items()]).sum())

        return run

    as_written = None
    if literal is not None:
        literal_model = PairVAE(*literal.values()).eval()
        optimizer = torch.optim.Adam(literal_model.parameters(), 1e-3)
        zeros = torch.zeros(BATCH, *profile.latent_shape)

        def as_written() -> None:
            noises = {name: standard_normal(rng, zeros) for name in vaes}
            optimise(optimizer, literal_pair_losses(literal_model, x, noises, profile.pair))

    return timed("pair_step", precision, step(2 * BATCH), as_written, n, step(None))


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
    parser.add_argument("--precision", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--steps-only", action="store_true", help="training steps, without their literal forms")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"{'':47s} {'now [ms]':>10s} {'before':>11s} {'literal':>11s} {'ratio':>8s} {'MB':>7s}")
    full = not options.steps_only
    rows = training_rows(profile_named(options.profile), tuple(options.precision), options.repeats, full)
    if full:
        rows += simulator_rows(2) + morphology_rows(options.repeats)
    target = results_root() / "bench.json"
    write_json(target, [asdict(row) for row in rows])
    print(json.dumps({"rows": len(rows), "written": str(target)}))


if __name__ == "__main__":
    main()
