"""Explorers: trained models that run in the reader's own browser, a PairVAE moved by sliders, a flow that draws."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pairvae_lib.assessment.ensembles import flow_answer
from pairvae_lib.book.explorer.examples import (
    FILE,
    Examples,
    Exploration,
    FlowExploration,
    as_kept,
    write_exploration,
    write_flow_exploration,
)
from pairvae_lib.bundles.bundle import load_bundle
from pairvae_lib.bundles.onnx import PACKAGES, can_export
from pairvae_lib.checks import check_positive
from pairvae_lib.claims.published import published_results
from pairvae_lib.data.modality import Axis, Modality
from pairvae_lib.data.pairs import as_seen
from pairvae_lib.data.reading.samples import UNLABELLED
from pairvae_lib.figures.drawing import draw_image, draw_scattering, tiles
from pairvae_lib.figures.pictures import png
from pairvae_lib.figures.style import display_name, styled
from pairvae_lib.files.runs import Run, project_root
from pairvae_lib.models.flow.network import ConditionalFlow
from pairvae_lib.models.latents import decoded
from pairvae_lib.models.pairvae import PairVAE

RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm.gz")
MODELS = "models"  # folder of the models beside the runtime, in the book and in what the front end asks for
STILL = "A still picture: in the book, and in a live notebook, the decoders run and sliders move it."
WITHOUT_ONNX = (
    f"This is a still picture: the explorer needs the packages {' and '.join(PACKAGES)}, which come with "
    "pip install -c constraints.txt -e '.[onnx]'"
)
EXAMPLES = 4  # in the still picture
MASKS = 3  # of each example of a flow in the still picture
STEPS = 8  # of Euler's method, for those
STILL_FLOW = "A still picture: in the book, and in a live notebook, the flow runs and draws others."
FRONT_END = Path(__file__).parent / "front_end"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.MULTILINE)

Explored = tuple[PairVAE, Exploration]


def bundled(file: Path) -> str:
    """A module of the front end as one file: what it imports from beside it stands in place of the imports, once."""
    texts: dict[Path, str] = {}

    def take(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        for name in _IMPORT.findall(text):
            if path.with_name(name) not in texts:
                take(path.with_name(name))
        texts[path] = _IMPORT.sub("", text)

    take(file)
    return "\n".join(texts.values())


class StillWidget(anywidget.AnyWidget):
    """A widget with a picture for every place where nothing runs.

    Parameters
    ----------
    poster : bytes
        PNG file: what is seen there, with `poster_text` in words.
    """

    poster = traitlets.Bytes().tag(sync=True)
    poster_text = traitlets.Unicode().tag(sync=True)

    def __init__(self, poster: bytes, poster_text: str, **values: Any):
        super().__init__(poster=poster, poster_text=poster_text, **values)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The widget, and the still picture for a place that shows none."""
        shown = super()._repr_mimebundle_(**options)
        if shown is None:
            return None
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        alt = {"image/png": {"alt": self.poster_text}}
        return data | {"text/plain": self.poster_text, "image/png": self.poster}, metadata | alt


class Explorer(StillWidget):
    """The widget. In a static page its front end loads the files that lie beside the page; in a live notebook it asks.

    Parameters
    ----------
    folders : mapping of label to Path
        What `write_exploration` or `write_flow_exploration` wrote; the first is shown first.
    poster : bytes
        PNG file: what is seen where nothing runs, with `poster_text` in words.
    message : str
        Where there are no folders: why.
    """

    _esm = bundled(FRONT_END / "explorer.js")
    _css = FRONT_END / "explorer.css"
    models: traitlets.List = traitlets.List().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    def __init__(self, folders: Mapping[str, Path], poster: bytes, poster_text: str, message: str = ""):
        models = [{"label": label, "folder": f"{MODELS}/{path.name}"} for label, path in folders.items()]
        super().__init__(poster, poster_text, models=models, message=message)
        self._files = {name: _runtime_folder() / name for name in RUNTIME}
        for path in folders.values():
            names = [FILE, *sorted(file.name for file in path.glob("*.onnx"))]
            self._files |= {f"{MODELS}/{path.name}/{name}": path / name for name in names}
        self.on_msg(self._hand_over)

    def _hand_over(self, _: Any, content: dict[str, Any], __: list[bytes]) -> None:
        """Answer a front end that asks for one of our files; no other file is ever read."""
        answer = {"number": content.get("number")}
        file = self._files.get(str(content.get("wanted")))
        if file is None:
            self.send(answer | {"error": "the page asked for a file that is not the explorer's"})
        elif not file.is_file():
            hint = "; fetch it with: make assets" if file.name in RUNTIME else ""
            self.send(answer | {"error": f"{file.name} is not there{hint}"})
        else:
            self.send(answer, [file.read_bytes()])


def latent_explorer(explored: Mapping[str, Explored], folder: Path | str, name: str = "model") -> Explorer:
    """An explorer of trained models; writes what its front end loads.

    Parameters
    ----------
    explored : mapping of label to (PairVAE, Exploration)
        At least one; the first is shown first, and in the still picture.
    folder : Path or str
        Where a folder for each model is written.
    name : str
        What these folders are called, before a number: in a book, of each explorer another name.
    """
    check_positive("number of models to explore", len(explored))
    model, exploration = next(iter(explored.values()))
    given, target = exploration.modalities
    what = "micrographs" if target.is_cropped else f"{target.kind}s"
    first, second = display_name(given.name), display_name(target.name)
    text = f"{first} of held-out samples, the {what} decoded from it, and the true {second}"
    poster = png(_still_of_pair(model, exploration), scale=1)
    if not can_export():
        return Explorer({}, poster, text, WITHOUT_ONNX)
    folders = {
        label: write_exploration(Path(folder) / f"{name}{number}", *one)
        for number, (label, one) in enumerate(explored.items(), start=1)
    }
    return Explorer(folders, poster, text)


def explored_models(run: Run, model: PairVAE, exploration: Exploration) -> dict[str, Explored]:
    """A run's own model, and before it the published one where the run is the small example of the book."""
    published = published_results(run)
    found: dict[str, Explored] = {}
    if published.model_folder.is_dir():
        bundle = load_bundle(published.model_folder)
        assert isinstance(bundle.model, PairVAE)
        found[f"published, {bundle.profile} profile"] = (bundle.model, Exploration.load(published.exploration_file))
    return found | {f"this run, {run.profile} profile": (model, exploration)}


def flow_explorer(flow: ConditionalFlow, exploration: FlowExploration, folder: Path | str, label: str) -> Explorer:
    """An explorer that draws ensembles with a flow, named `label`; writes what its front end loads into `folder`."""
    scattering, micrograph = (display_name(modality.name) for modality in exploration.modalities)
    text = f"{scattering} of held-out samples, masks that the flow draws from it, and a true crop of the {micrograph}"
    poster = png(_still_of_flow(flow, exploration))
    if not can_export():
        return Explorer({}, poster, text, WITHOUT_ONNX)
    return Explorer({label: write_flow_exploration(Path(folder) / "flow", flow, exploration)}, poster, text)


def _still_of_pair(model: PairVAE, exploration: Exploration) -> Figure:
    """What is decoded from the first technique of a few examples."""
    source, target = exploration.modalities
    chosen = _of_each(exploration.morphologies[: exploration.trained_on.count(False)])  # held out
    latents = torch.from_numpy(exploration.centres[source.name][chosen]).view(-1, *exploration.latent_shape)
    made = as_kept(decoded(model.vae(target.name), latents), target)
    true = exploration.measured[target.name][chosen]
    return _still(exploration, chosen, made[:, np.newaxis], true, "decoded", STILL)


def _still_of_flow(flow: ConditionalFlow, exploration: FlowExploration) -> Figure:
    """What masks are drawn from the scattering of a few examples."""
    chosen = _of_each(exploration.morphologies)
    scattering, mask = exploration.modalities
    side, given = mask.shape[0], as_seen(exploration.measured[scattering.name][chosen])[:, np.newaxis]
    drawn = flow_answer(flow, given, MASKS, side, np.random.default_rng(0), STEPS)
    return _still(exploration, chosen, drawn, exploration.measured[mask.name][chosen, 0], "drawn", STILL_FLOW)


@styled
def _still(
    exploration: Examples, chosen: list[int], made: np.ndarray, true: np.ndarray, words: str, note: str
) -> Figure:
    """Of m examples the first technique, what is made of it for the second, (m, k, *shape), and the truth of that."""
    first, second = exploration.modalities
    count = made.shape[1]
    figure, grid = tiles(count + 2, len(chosen), extra_height=0.4)
    for column, index in enumerate(chosen):
        _draw(grid[0, column], exploration, first, exploration.measured[first.name][index])
        for axes, values in zip(grid[1:, column], [*made[column], true[column]], strict=True):
            _draw(axes, exploration, second, values)
            axes.set(xlabel=axes.get_xlabel() * (column == 0), ylabel="")
        label = exploration.morphologies[index]
        grid[0, column].set_title(exploration.sample_ids[index] if label == UNLABELLED else display_name(label))
    for row, label in enumerate((display_name(first.name), *[words] * count, f"true {display_name(second.name)}")):
        grid[row, 0].set_ylabel(label)
    figure.supxlabel(note, fontsize=8)
    return figure


def _draw(axes: Axes, exploration: Examples, modality: Modality, values: np.ndarray) -> None:
    """One measurement, as examples hold it."""
    if modality.is_cropped:
        return draw_image(axes, values)
    axis, grid = exploration.axes.get(modality.name, (Axis(), None))
    draw_scattering(axes, as_seen(values), grid, axis.unit or "unit unknown", axis=axis.name, is_log=axis.is_log)


def _of_each(morphologies: Sequence[str]) -> list[int]:
    """Where EXAMPLES examples are: the first of each morphology, then others."""
    first = [k for k, name in enumerate(morphologies) if name not in morphologies[:k]]
    return sorted((first + [k for k in range(len(morphologies)) if k not in first])[:EXAMPLES])


def _runtime_folder() -> Path:
    """Where the program lies that runs decoders in a browser, once the book's assets are laid out."""
    return project_root() / "book" / "web" / "static" / "_static" / "explorer"
