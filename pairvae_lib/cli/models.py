"""Commands for one's own pairs: train a model, and apply it.

Exit codes: 0 done; 2 input or usage at fault, with the reason; 1 a failure on the way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tqdm import tqdm

from pairvae_lib.cli.program import app, messages
from pairvae_lib.config import PROFILES

if TYPE_CHECKING:
    from pairvae_lib.applying import Ensemble, Measurement
    from pairvae_lib.bundle import Bundle

CODES = "Exit codes: 0 done, 2 input at fault (the message says which), 1 failure on the way."
MINE = "Your own pairs"  # heading in --help

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a trained model, as pairvae train writes it.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Measurements, one file each.")]
Source = Annotated[str, typer.Option("--from", help="Technique of the files, by its name in the model, e.g. saxs.")]
Target = Annotated[str, typer.Option("--to", help="Technique to predict; the other one if not given.")]
Out = Annotated[Path, typer.Option("--out", help="Folder to write to; made when needed.")]
Seed = Annotated[int, typer.Option("--seed", help="With a file's content it determines all that is drawn.")]
Unit = Annotated[str, typer.Option("--q-unit", help="1/nm or 1/angstrom, where a profile does not say.")]
Scale = Annotated[float | None, typer.Option("--q-scale", help="q [1/nm] of one unit of q in a profile.")]
Rows = Annotated[int | None, typer.Option("--image-rows", help="Rows above the data bar; by default as in training.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for other programs.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads; one gives the same bits again.")]


@app.command(
    rich_help_panel=MINE,
    epilog="Example: pairvae train my_pairs --out my_model --profile quick --held-out batch3. " + CODES,
)
def train(
    data: Annotated[str, typer.Argument(metavar="DATA", help='Folder of pairs, or "simulated".')],
    out: Annotated[Path, typer.Option("--out", help="Folder of the model to write; it must not exist yet.")],
    profile: Annotated[str, typer.Option("--profile", help=f"One of {', '.join(PROFILES)}.")] = "quick",
    seed: Annotated[int, typer.Option("--seed", help="Split, initial weights, everything drawn.")] = 43,
    n_train: Annotated[int | None, typer.Option("--n-train", help="Pairs to train on; two thirds by default.")] = None,
    held_out: Annotated[str, typer.Option("--held-out", help="Group to hold out, in place of a random third.")] = "",
    name: Annotated[str, typer.Option("--name", help="What the model is called; as its folder if not given.")] = "",
    examples: Annotated[
        bool,
        typer.Option("--with-examples/--without-examples", help="Put pictures of a few samples into the folder."),
    ] = False,
    half: Annotated[bool, typer.Option("--half", help="Store numbers in 16 bits: half the size.")] = False,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Train a model on pairs, assess it on samples held out, and write it with a model card.

    Stopped at any moment, the same line goes on where it was.
    """
    with messages():
        import torch

        from pairvae_lib.appraisal import appraisal_of
        from pairvae_lib.producing import Order, produce

        torch.set_num_threads(threads)
        order = Order(data, out, profile, seed, n_train, held_out, name, examples, half)
        appraisal = appraisal_of(produce(order, _say))
        if as_json:
            _print_json({"model": str(out), "beats_retrieval": appraisal.sentence(),
                         "memorisation": appraisal.memory_sentence()})
        else:
            print(f"Does it beat a look-up in the training data? {appraisal.sentence()}")
            print(appraisal.plain_sentence())
            print(appraisal.memory_sentence())
            print(out)


@app.command(
    rich_help_panel=MINE,
    epilog="Example: pairvae reconstruct my_model --from saxs new/*.tif --to sem --out predicted. " + CODES,
)
def reconstruct(
    model: Model,
    files: Files,
    source: Source,
    out: Out,
    target: Target = "",
    samples: Annotated[int, typer.Option("--samples", min=1, help="Members of each ensemble.")] = 16,
    seed: Seed = 43,
    q_unit: Unit = "",
    q_scale: Scale = None,
    image_rows: Rows = None,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Predict from measurements of one technique what the other would show: an ensemble for each file.

    Every file gets a folder in --out: the members as images, S2 and the lineal path functions (or the scattering
    profile) as CSV, and summary.json. A file that cannot be used is named with the reason, and the others are done.
    """
    with messages():
        import torch

        from pairvae_lib.applying import reconstructed
        from pairvae_lib.bundle import load_bundle

        torch.set_num_threads(threads)
        bundle = load_bundle(model)

        def made(measurement: Measurement, wanted: str) -> Ensemble:
            return reconstructed(bundle, measurement, wanted, samples, seed)

        _apply(bundle, files, source, target, out, made, {"seed": seed}, (q_unit, q_scale, image_rows), as_json)


@app.command(
    rich_help_panel=MINE,
    epilog="Example: pairvae generate my_model --from saxs new/a01.tif --variance 0.1 --out drawn. " + CODES,
)
def generate(
    model: Model,
    files: Files,
    source: Source,
    out: Out,
    target: Target = "",
    variance: Annotated[
        float, typer.Option("--variance", help="Width of the draw, in the variance of the training samples' latents.")
    ] = 1.0,
    count: Annotated[int, typer.Option("--count", min=1, help="Members of each ensemble.")] = 16,
    seed: Seed = 43,
    q_unit: Unit = "",
    q_scale: Scale = None,
    image_rows: Rows = None,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Draw an ensemble around the latent of each measurement, as wide as asked for (the paper's Fig. 7, S7, S8).

    Writes what reconstruct writes. Small variances stay close to the reconstruction; large ones leave the sample.
    """
    with messages():
        import torch

        from pairvae_lib.applying import generated
        from pairvae_lib.bundle import load_bundle

        torch.set_num_threads(threads)
        bundle = load_bundle(model)

        def made(measurement: Measurement, wanted: str) -> Ensemble:
            return generated(bundle, measurement, wanted, count, variance, seed)

        facts = {"seed": seed, "variance": variance}
        _apply(bundle, files, source, target, out, made, facts, (q_unit, q_scale, image_rows), as_json)


@app.command(
    rich_help_panel=MINE,
    epilog="Example: pairvae report my_model --data my_pairs --out report.html. " + CODES,
)
def report(
    model: Model,
    out: Annotated[Path, typer.Option("--out", help="HTML file to write; one that is there is replaced.")] = Path(
        "report.html"
    ),
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of the pairs that it was trained on, to make pictures from.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write what a model gets right and wrong as one HTML file: errors with references, memorisation, pictures.

    Says plainly whether the model beats a look-up in its training data. With --json the same as numbers.
    """
    with messages():
        from pairvae_lib.bundle import load_bundle
        from pairvae_lib.config import profile_named
        from pairvae_lib.datasets import open_pairs, prepare
        from pairvae_lib.exhibits import exhibits
        from pairvae_lib.reports import report_content, write_report

        bundle, shown = load_bundle(model), None
        if data is not None:
            pairs = prepare(open_pairs(data, binarisation=bundle.scaling.binarisation), profile_named(bundle.profile))
            shown = exhibits(bundle, pairs, int(bundle.provenance.get("seed", 0)))
        appraisal = write_report(out, bundle, shown)
        if as_json:
            _print_json({"report": str(out)} | report_content(appraisal))
        else:
            print(f"Does it beat a look-up in the training data? {appraisal.sentence()}")
            print(appraisal.plain_sentence())
            print(out)


@app.command(
    rich_help_panel=MINE,
    epilog="Example: pairvae export my_model --onnx --out my_model_onnx. " + CODES,
)
def export(
    model: Model,
    out: Out,
    onnx: Annotated[bool, typer.Option("--onnx", help="As ONNX files: the only other format there is.")] = False,
    full: Annotated[bool, typer.Option("--full/--half", help="Numbers in 32 or in 16 bits.")] = False,
    as_json: Json = False,
) -> None:
    """Write a model's encoders and decoders as ONNX files, which run without this program: in a browser, in C++."""
    with messages():
        from pairvae_lib.bundle import load_bundle
        from pairvae_lib.exporting import export_onnx
        from pairvae_lib.model import PairVAE

        if not onnx:
            raise ValueError("name the format: --onnx")
        bundle = load_bundle(model)
        if not isinstance(bundle.model, PairVAE):
            raise ValueError(f"only models of the kind 'pairvae' can be exported; got {bundle.kind!r}")
        written = export_onnx(bundle.model, out, half=not full)
        if as_json:
            _print_json({"files": [str(path) for path in written]})
        else:
            print("\n".join(map(str, written)))


@app.command(
    rich_help_panel=MINE,
    epilog="Example: pairvae watch /data/tonight --model my_model --out predicted --from saxs. It ends with Ctrl-C or "
    "SIGTERM, with code 0. " + CODES,
)
def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder in which new measurements appear.")],
    model: Annotated[Path, typer.Option("--model", help="Folder of a trained model.")],
    out: Out,
    source: Annotated[str, typer.Option("--from", help="Technique of the files; scattering if not given.")] = "",
    target: Target = "",
    samples: Annotated[int, typer.Option("--samples", min=1, help="Members of each ensemble.")] = 16,
    seed: Seed = 43,
    once: Annotated[bool, typer.Option("--once", help="Do what is there, and end.")] = False,
    poll: Annotated[
        float | None, typer.Option("--poll", min=0.01, help="Look every so many seconds: slower for network mounts.")
    ] = None,
    q_unit: Unit = "",
    q_scale: Scale = None,
    image_rows: Rows = None,
    threads: Threads = 1,
) -> None:
    """Turn each new measurement in a folder into an ensemble, and into a line of --out/log.jsonl.

    Files are taken when they no longer grow. One that cannot be used gets a line with the reason, and is tried again
    when it changes. What has a line is not done again, also after a restart.
    """
    with messages():
        import torch

        from pairvae_lib.bundle import load_bundle
        from pairvae_lib.watching import Watch

        torch.set_num_threads(threads)
        bundle = load_bundle(model)
        source = source or bundle.modalities[0].name
        kept = Watch(folder, bundle, out, source, target, samples, seed, (q_unit, q_scale, image_rows), _say)
        if once:
            kept.run_once()
        else:
            kept.run(poll)


def _apply(
    bundle: Bundle,
    files: Sequence[Path],
    source: str,
    target: str,
    out: Path,
    made: Callable[[Measurement, str], Ensemble],
    facts: dict[str, Any],
    treatment: tuple[str, float | None, int | None],
    as_json: bool,
) -> None:
    """An ensemble for each file; exit code 2 at the end if one could not be used."""
    from pairvae_lib.applying import modality_of, other_modality, read_measurement
    from pairvae_lib.ensemble_files import folder_names, write_ensemble

    target = target or other_modality(bundle, source)
    modality_of(bundle, source), modality_of(bundle, target)
    done, refused = [], []
    with tqdm(files, unit="file", disable=None, leave=False) as bar:
        for path, name in zip(bar, folder_names(files), strict=True):
            try:
                ensemble = made(read_measurement(bundle, path, source, *treatment), target)
                done.append({"folder": str(out / name)} | write_ensemble(out, name, bundle, ensemble, facts))
            except (ValueError, FileExistsError) as error:
                refused.append({"file": str(path), "error": str(error)})
                tqdm.write(f"pairvae: {error}", file=_stderr())
                continue
            for warning in ensemble.warnings:
                tqdm.write(f"pairvae: warning: {path}: {warning}", file=_stderr())
    if as_json:
        _print_json({"ensembles": done, "refused": refused})
    else:
        for one in done:
            print(one["folder"])
    if refused:
        raise typer.Exit(2)


def _say(sentence: str) -> None:
    """Tell a person what is going on; not on the output, which other programs read."""
    typer.echo(sentence, err=True)


def _stderr() -> Any:
    """Where messages go."""
    import sys

    return sys.stderr


def _print_json(content: Any) -> None:
    """The result for other programs."""
    print(json.dumps(content, indent=1, allow_nan=False))
