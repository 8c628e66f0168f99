"""Commands that apply a model to measurements: reconstruct, generate, watch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tqdm import tqdm

from pairvae_lib.checks import check_positive, check_range
from pairvae_lib.cli.program import Json, Model, Out, Threads, command, print_json, say
from pairvae_lib.config import LARGEST_SEED

if TYPE_CHECKING:
    from pairvae_lib.bundles.apply import Ensemble, Measurement, Treatment
    from pairvae_lib.bundles.bundle import Bundle

LONGEST_PAUSE = 86_400.0  # s
LARGEST_VARIANCE = 1e6

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Measurements, one file each.")]
Source = Annotated[str, typer.Option("--from", help="Technique of the files, by its name in the model, e.g. saxs.")]
Target = Annotated[str, typer.Option("--to", help="Technique to predict; the other one if not given.")]
Samples = Annotated[int, typer.Option("--samples", min=1, max=10_000, help="Members of each ensemble.")]
SEED_HELP = "With a file's content it determines all that is drawn."
Seed = Annotated[int, typer.Option("--seed", min=0, max=LARGEST_SEED, help=SEED_HELP)]
Unit = Annotated[
    str, typer.Option("--q-unit", help="Of q, in place of what a profile says: 1/nm, 1/angstrom, or unknown.")
]
Scale = Annotated[float | None, typer.Option("--q-scale", help="q [1/nm] of one unit of q in a profile.")]
Rows = Annotated[
    int | None, typer.Option("--image-rows", help="Rows above the data bar; by default as in its tags or the training.")
]
Nanometres = Annotated[
    float | None, typer.Option("--nm-per-pixel", help="Pixel size of the micrographs, where their tags do not say.")
]
Poni = Annotated[Path | None, typer.Option("--poni", help="Calibration of the detector, by pyFAI.")]
Mask = Annotated[Path | None, typer.Option("--detector-mask", help="Image, not zero at pixels to leave out.")]
Beam = Annotated[str, typer.Option("--beam", metavar="ROW,COL", help="Where the beam meets the detector [px].")]

AxisLabel = Annotated[
    str, typer.Option("--axis", help='Of profiles, where the files do not name it, e.g. "wavelength [nm]".')
]


@command("pairvae reconstruct my_model --from saxs new/*.tif --to sem --out predicted.")
def reconstruct(
    model: Model, files: Files, source: Source, out: Out, target: Target = "", samples: Samples = 16, seed: Seed = 43,
    q_unit: Unit = "", q_scale: Scale = None, image_rows: Rows = None, nm_per_pixel: Nanometres = None,
    poni: Poni = None, detector_mask: Mask = None, beam: Beam = "", axis: AxisLabel = "", threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Predict from measurements of one technique what the other would show: an ensemble for each file.

    Every file gets a folder in --out: the members as images, S2 and the lineal path functions (or the scattering
    profile) as CSV, and summary.json. A file that cannot be used is named with the reason, and the others are done.
    """
    from pairvae_lib.bundles.apply import Treatment, reconstructed

    treatment = Treatment(q_unit, q_scale, image_rows, nm_per_pixel, poni, detector_mask, _beam(beam), axis)
    bundle = _loaded(model, threads)

    def made(measurement: Measurement, wanted: str) -> Ensemble:
        return reconstructed(bundle, measurement, wanted, samples, seed)

    _apply(bundle, files, source, target, out, made, {"seed": seed}, treatment, as_json)


@command("pairvae generate my_model --from saxs new/a01.tif --variance 0.1 --out drawn.")
def generate(
    model: Model, files: Files, source: Source, out: Out, target: Target = "",
    variance: Annotated[
        float, typer.Option("--variance", help="Width of the draw, in the variance of the training samples' latents.")
    ] = 1.0,
    count: Annotated[int, typer.Option("--count", min=1, max=10_000, help="Members of each ensemble.")] = 16,
    seed: Seed = 43,
    q_unit: Unit = "", q_scale: Scale = None, image_rows: Rows = None, nm_per_pixel: Nanometres = None,
    poni: Poni = None, detector_mask: Mask = None, beam: Beam = "", axis: AxisLabel = "", threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Draw an ensemble around the latent of each measurement, as wide as asked for (the paper's Fig. 7, S7, S8).

    Writes what reconstruct writes. Small variances stay close to the reconstruction; large ones leave the sample.
    """
    from pairvae_lib.bundles.apply import Treatment, generated
    from pairvae_lib.bundles.bundle import check_latents

    treatment = Treatment(q_unit, q_scale, image_rows, nm_per_pixel, poni, detector_mask, _beam(beam), axis)
    check_positive("variance", variance)
    check_range("variance", variance, 0, LARGEST_VARIANCE)
    bundle = _loaded(model, threads)
    check_latents(bundle)

    def made(measurement: Measurement, wanted: str) -> Ensemble:
        return generated(bundle, measurement, wanted, count, variance, seed)

    _apply(bundle, files, source, target, out, made, {"seed": seed, "variance": variance}, treatment, as_json)


@command(
    "pairvae watch /data/tonight --model my_model --out predicted --from saxs. It ends with Ctrl-C or SIGTERM, with "
    "code 0."
)
def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder in which new measurements appear.")],
    model: Annotated[Path, typer.Option("--model", help="Folder of a trained model.")],
    out: Out,
    source: Annotated[str, typer.Option("--from", help="Technique of the files; the model's first if not given.")] = "",
    target: Target = "", samples: Samples = 16, seed: Seed = 43,
    once: Annotated[bool, typer.Option("--once", help="Do what is there, and end.")] = False,
    poll: Annotated[
        float | None, typer.Option("--poll", help="Look every so many seconds: slower for network mounts.")
    ] = None,
    q_unit: Unit = "", q_scale: Scale = None, image_rows: Rows = None, nm_per_pixel: Nanometres = None,
    poni: Poni = None, detector_mask: Mask = None, beam: Beam = "", axis: AxisLabel = "", threads: Threads = 1,
) -> None:
    """Turn each new measurement in a folder into an ensemble, and into a line of --out/log.jsonl.

    Files are taken when they no longer grow. One that cannot be used gets a line with the reason, and is tried again
    when it changes. What has a line is not done again, also after a restart.
    """
    from pairvae_lib.bundles.apply import Treatment
    from pairvae_lib.bundles.watch import Watch

    treatment = Treatment(q_unit, q_scale, image_rows, nm_per_pixel, poni, detector_mask, _beam(beam), axis)
    if poll is not None:
        check_range("poll", poll, 0.01, LONGEST_PAUSE)
    bundle = _loaded(model, threads)
    source = source or bundle.modalities[0].name
    kept = Watch(folder, bundle, out, source, target, samples, seed, treatment, say)
    if once:
        kept.run_once()
    else:
        kept.run(poll)


def _loaded(model: Path, threads: int) -> Bundle:
    """The model, and torch with as many threads as asked for."""
    import torch

    from pairvae_lib.bundles.bundle import load_bundle

    torch.set_num_threads(threads)
    return load_bundle(model)


def _apply(
    bundle: Bundle, files: Sequence[Path], source: str, target: str, out: Path,
    made: Callable[[Measurement, str], Ensemble], facts: dict[str, Any], treatment: Treatment, as_json: bool,
) -> None:
    """An ensemble for each file; exit code 2 at the end if one could not be used."""
    from pairvae_lib.bundles.apply import read_measurement
    from pairvae_lib.bundles.bundle import check_route
    from pairvae_lib.bundles.write import folder_names, write_ensemble

    target = target or bundle.other(source)
    bundle.modality(source), bundle.modality(target)
    check_route(bundle, source, target)
    done, refused = [], []
    doubted: dict[str, list[Path]] = {}
    with tqdm(files, unit="file", disable=None, leave=False) as bar:
        for path, name in zip(bar, folder_names(files), strict=True):
            try:
                ensemble = made(read_measurement(bundle, path, source, treatment), target)
                done.append({"folder": str(out / name)} | write_ensemble(out, name, bundle, ensemble, facts))
            except (ValueError, FileExistsError) as error:
                refused.append({"file": str(path), "error": str(error)})
                tqdm.write(f"pairvae: {error}", file=sys.stderr)
                continue
            for warning in ensemble.warnings:
                doubted.setdefault(warning, []).append(path)
    for warning, paths in doubted.items():
        whose = str(paths[0]) if len(paths) == 1 else f"{len(paths)} of {len(files)} files"
        say(f"pairvae: warning: {whose}: {warning}")
    if as_json:
        print_json({"ensembles": done, "refused": refused})
    else:
        for one in done:
            print(one["folder"])
    if refused:
        raise typer.Exit(2)


def _beam(text: str) -> tuple[float, float] | None:
    """Where the beam is, from two numbers with a comma between."""
    if not text:
        return None
    try:
        row, col = map(float, text.split(","))
    except ValueError:
        raise ValueError(f"beam must be two numbers, ROW,COL; got {text!r}") from None
    return row, col
