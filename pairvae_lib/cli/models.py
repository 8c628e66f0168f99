"""Commands that make a model of one's own pairs, and tell of it: train, report, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pairvae_lib.cli.program import Json, Kinds, Model, Out, ProfileName, Threads, command, kinds_of, print_json, say
from pairvae_lib.config import LARGEST_SEED

if TYPE_CHECKING:
    from pairvae_lib.bundles.appraisal import Appraisal

KINDS = "pairvae: all four routes; flow: ensembles of masks from the other technique, nothing else."


@command("pairvae train my_pairs --out my_model --profile quick --held-out batch3.")
def train(
    data: Annotated[str, typer.Argument(metavar="DATA", help='Folder of pairs, or "simulated".')],
    out: Annotated[Path, typer.Option("--out", help="Folder of the model to write; it must not exist yet.")],
    profile: ProfileName = "quick",
    model: Annotated[str, typer.Option("--model", help=KINDS)] = "pairvae",
    kind: Kinds = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Split, initial weights, everything drawn.")
    ] = 43,
    n_train: Annotated[
        int | None, typer.Option("--n-train", min=1, help="Pairs to train on; two thirds by default.")
    ] = None,
    held_out: Annotated[str, typer.Option("--held-out", help="Group to hold out, in place of a random third.")] = "",
    name: Annotated[str, typer.Option("--name", help="What the model is called; as its folder if not given.")] = "",
    examples: Annotated[
        bool, typer.Option("--with-examples/--without-examples", help="Put pictures of a few samples into the folder.")
    ] = False,
    half: Annotated[bool, typer.Option("--half", help="Store numbers in 16 bits: half the size.")] = False,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Train a model on pairs, assess it on samples held out, and write it with a model card.

    Stopped at any moment, the same line goes on where it was.
    """
    import torch

    from pairvae_lib.bundles.appraisal import appraisal_of
    from pairvae_lib.bundles.train import TrainingJob, train_bundle

    torch.set_num_threads(threads)
    order = TrainingJob(
        data, out, profile, seed, n_train, held_out, name, examples, half, model, kinds_of(kind)
    )
    appraisal = appraisal_of(train_bundle(order, say))
    if as_json:
        print_json({"model": str(out), "beats_retrieval": appraisal.sentence()} | appraisal.facts())
    else:
        _tell(appraisal, *appraisal.facts().values(), out)


@command("pairvae report my_model --data my_pairs --out report.html.")
def report(
    model: Model,
    out: Annotated[Path, typer.Option("--out", help="HTML file to write; one that is there is replaced.")] = Path(
        "report.html"
    ),
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of the pairs that it was trained on, to make pictures from.")
    ] = None,
    kind: Kinds = None,
    as_json: Json = False,
) -> None:
    """Write what a model gets right and wrong as one HTML file: errors with references, memorisation, pictures.

    Says plainly whether the model beats a look-up in its training data. With --json the same as numbers.
    """
    from pairvae_lib.bundles.bundle import load_bundle
    from pairvae_lib.bundles.report import exhibits, report_content, write_report
    from pairvae_lib.config import profile_named
    from pairvae_lib.data.folder import open_pairs, prepare

    bundle, shown = load_bundle(model), None
    if data is not None:
        kinds = kinds_of(kind) or bundle.provenance.get("kinds")
        dataset = open_pairs(data, kinds, bundle.scalings[1].binarisation)
        pairs = prepare(dataset, profile_named(bundle.profile))
        shown = exhibits(bundle, pairs, int(bundle.provenance.get("seed", 0)))
    appraisal = write_report(out, bundle, shown)
    if as_json:
        print_json({"report": str(out)} | report_content(appraisal))
    else:
        _tell(appraisal, out)


@command("pairvae export my_model --onnx --out my_model_onnx.")
def export(
    model: Model,
    out: Out,
    onnx: Annotated[bool, typer.Option("--onnx", help="As ONNX files: the only other format there is.")] = False,
    full: Annotated[bool, typer.Option("--full/--half", help="Numbers in 32 or in 16 bits.")] = False,
    as_json: Json = False,
) -> None:
    """Write a model's networks as ONNX files, which run without this program: in a browser, in C++."""
    from pairvae_lib.bundles.bundle import load_bundle
    from pairvae_lib.bundles.onnx import export_onnx
    from pairvae_lib.models.flow.network import ConditionalFlow
    from pairvae_lib.models.pairvae import PairVAE

    if not onnx:
        raise ValueError("name the format: --onnx")
    trained = load_bundle(model).model
    assert isinstance(trained, PairVAE | ConditionalFlow)
    written = export_onnx(trained, out, half=not full)
    if as_json:
        print_json({"files": [str(path) for path in written]})
    else:
        print("\n".join(map(str, written)))


def _tell(appraisal: Appraisal, *more: object) -> None:
    """What a model is worth, in words."""
    print(f"Does it beat a look-up in the training data? {appraisal.sentence()}")
    print(appraisal.plain_sentence(), *more, sep="\n")
