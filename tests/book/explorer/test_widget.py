"""The explorer's Python side: what it shows where nothing runs, and which files it hands over."""

from __future__ import annotations

import re
from io import BytesIO

import matplotlib

matplotlib.use("Agg")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from lab import fresh_model, pairs_of_kinds  # noqa: E402
from PIL import Image  # noqa: E402

from pairvae_lib.book.explorer import (  # noqa: E402
    explored_models,
    flow_explorer,
    latent_explorer,
    widget as room,  # noqa: E402
)
from pairvae_lib.book.explorer.examples import FILE, Exploration, FlowExploration  # noqa: E402
from pairvae_lib.book.explorer.widget import EXAMPLES, FRONT_END, RUNTIME, WITHOUT_ONNX, Explorer, bundled  # noqa: E402
from pairvae_lib.data.splits import Split  # noqa: E402
from pairvae_lib.figures.pictures import png  # noqa: E402
from pairvae_lib.files.runs import Run  # noqa: E402
from pairvae_lib.models.flow.config import FlowArchitecture  # noqa: E402
from pairvae_lib.models.flow.network import fresh_flow  # noqa: E402

SPLIT = Split(train=(0, 1, 2, 3, 4, 5), held_out=(6, 7, 8, 9, 10, 11))
POSTER = png(np.eye(4, dtype=bool))


@pytest.fixture
def explored(fresh_pair, pattern_pairs):
    return fresh_pair, Exploration.of(fresh_pair, pattern_pairs, SPLIT, np.random.default_rng(0))


@pytest.fixture
def widget(tmp_path, monkeypatch):
    """An explorer of one model whose files are there, beside a file that is nobody's business."""
    monkeypatch.setattr(room, "_runtime_folder", lambda: tmp_path / "runtime")
    folder = tmp_path / "model1"
    folder.mkdir()
    for name in (FILE, "saxs_decoder.onnx", "sem_decoder.onnx", "secret.txt"):
        (folder / name).write_bytes(name.encode())
    return Explorer({"one": folder}, POSTER, "a still picture")


def answered(widget, wanted):
    """What the widget answers a front end that wants a file."""
    sent = []
    widget.send = lambda content, buffers=None: sent.append((content, buffers))
    widget._handle_custom_msg({"wanted": wanted, "number": "7"}, [])
    (answer,) = sent
    return answer


def test_the_front_end_gets_the_files_that_belong_to_it(widget):
    assert widget.models == [{"label": "one", "folder": "models/model1"}]
    for name in (FILE, "saxs_decoder.onnx", "sem_decoder.onnx"):
        assert answered(widget, f"models/model1/{name}") == ({"number": "7"}, [name.encode()])


@pytest.mark.parametrize(
    "wanted", ["models/model1/secret.txt", "models/model1/../model1/secret.txt", "/etc/hostname", "", None, ["x"]]
)
def test_no_other_file_is_handed_over(widget, wanted):
    content, buffers = answered(widget, wanted)
    assert content == {"number": "7", "error": "the page asked for a file that is not the explorer's"}
    assert buffers is None


def test_a_missing_runtime_is_named_with_the_command(widget, tmp_path):
    content, _ = answered(widget, RUNTIME[0])
    assert content["error"] == f"{RUNTIME[0]} is not there; fetch it with: make assets"
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / RUNTIME[0]).write_bytes(b"code")
    assert answered(widget, RUNTIME[0]) == ({"number": "7"}, [b"code"])


def test_a_place_without_widgets_shows_the_still_picture(widget):
    data, _ = widget._repr_mimebundle_()
    assert data["image/png"] == POSTER and data["text/plain"] == "a still picture"
    assert "application/vnd.jupyter.widget-view+json" in data


def test_the_folders_of_all_models_are_written(explored, tmp_path, monkeypatch):
    written = []

    def write(folder, model, exploration):
        written.append((folder, model, exploration))
        folder.mkdir()
        return folder

    monkeypatch.setattr(room, "write_exploration", write)
    widget = latent_explorer({"first": explored, "second": explored}, tmp_path)
    assert written == [(tmp_path / "model1", *explored), (tmp_path / "model2", *explored)]
    assert widget.models == [
        {"label": "first", "folder": "models/model1"}, {"label": "second", "folder": "models/model2"},
    ]
    other = latent_explorer({"first": explored}, tmp_path, "curves")  # beside the former in a book
    assert other.models == [{"label": "first", "folder": "models/curves1"}]
    assert widget.message == ""
    assert widget.poster_text == "SAXS of held-out samples, the micrographs decoded from it, and the true SEM"
    width, height = Image.open(BytesIO(widget.poster)).size
    assert width > 0 < height and EXAMPLES > 1


STILLS = {
    ("profile", "profile"): "profile #1 of held-out samples, the profiles decoded from it, and the true profile #2",
    ("image", "profile"): "image #1 of held-out samples, the profiles decoded from it, and the true profile #2",
    ("mask", "pattern"): "mask #1 of held-out samples, the patterns decoded from it, and the true pattern #2",
    ("profile", "image"): "profile #1 of held-out samples, the micrographs decoded from it, and the true image #2",
}
LABELS = {"profile #1": ("q [1/nm]", "log"), "profile #2": ("wavelength [nm]", "linear")}
COLOURS = {"pattern": "inferno", "image": "gray", "mask": "gray"}


@pytest.mark.parametrize("kinds", STILLS)
def test_the_still_picture_shows_every_kind_as_it_is(kinds, small, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(room, "can_export", lambda: False)
    monkeypatch.setattr(room, "png", lambda figure, scale: drawn.append(figure) or POSTER)
    pairs = pairs_of_kinds(*kinds)
    model = fresh_model(pairs, small)
    exploration = Exploration.of(model, pairs, SPLIT, np.random.default_rng(0))
    widget = latent_explorer({"one": (model, exploration)}, tmp_path)
    assert widget.poster_text == STILLS[kinds]
    first, second = pairs.modalities
    rows = np.reshape(drawn[0].axes, (3, 4))  # the first technique, decoded, true; two samples of two morphologies
    for row, modality in zip(rows, (first, second, second), strict=True):
        if modality.kind == "profile":
            assert (row[0].get_xlabel(), row[0].get_xscale()) == LABELS[modality.name]
        for axes in row:
            if modality.kind != "profile":
                assert axes.images[0].cmap.name == COLOURS[modality.kind]
    assert [row[0].get_ylabel() for row in rows] == [first.name, "decoded", f"true {second.name}"]


def test_without_its_packages_an_explorer_says_so_beside_the_picture(explored, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "can_export", lambda: False)
    widget = latent_explorer({"one": explored}, tmp_path)
    assert Image.open(BytesIO(widget.poster)).size[0] > 100
    assert widget.models == [] and widget.message == WITHOUT_ONNX
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_explore_is_refused(tmp_path):
    with pytest.raises(ValueError, match="^number of models to explore must be above 0; got 0$"):
        latent_explorer({}, tmp_path)


def test_the_published_model_comes_before_that_of_the_small_run(explored):
    found = explored_models(Run(), *explored)
    assert list(found) == ["published, paper profile", "this run, quick profile"]
    model, exploration = found["published, paper profile"]
    assert model.names == tuple(modality.name for modality in exploration.modalities) == ("saxs", "sem")
    assert exploration.measured["sem"].shape == (12, 192, 192)


def test_another_run_shows_its_own_model_alone(explored, tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    run = Run("standard")
    run.errors_file.parent.mkdir(parents=True)
    run.errors_file.write_text("{}")
    assert explored_models(run, *explored) == {"this run, standard profile": explored}


@pytest.mark.parametrize("kind", ["pattern", "profile"])
@pytest.mark.parametrize("can", [True, False])
def test_a_flow_has_an_explorer_with_a_still_picture(kind, can, pattern_pairs, profile_pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "can_export", lambda: can)
    monkeypatch.setattr(room, "write_flow_exploration", lambda folder, flow, exploration: folder)
    pairs = pattern_pairs if kind == "pattern" else profile_pairs
    flow = fresh_flow(*pairs.modalities, FlowArchitecture((8, 8, 8), 8, 2), len(pairs), 0).eval()
    masks = np.zeros((2, 3, *pairs.modalities[1].shape), bool)
    explored = FlowExploration.of(flow, ["a", "b"], ["one", "other"], pairs.scattering[:2, 0], masks, pairs.q)
    widget = flow_explorer(flow, explored, tmp_path, "mine")
    assert Image.open(BytesIO(widget.poster)).size[0] > 100
    assert widget.models == ([{"label": "mine", "folder": "models/flow"}] if can else [])
    assert widget.message == ("" if can else WITHOUT_ONNX)


def test_the_front_end_is_one_file_that_holds_every_module_once_and_imports_none():
    whole = bundled(FRONT_END / "explorer.js")
    assert 'from "./' not in whole and whole == Explorer._esm
    for path in FRONT_END.glob("*.js"):
        last = path.read_text(encoding="utf-8").split("\n\n")[-1]
        assert whole.count(last) == 1
    names = re.findall(r"^(?:export )?(?:async )?(?:const|let|class|function) (\w+)", whole, re.MULTILINE)
    assert len(names) == len(set(names)) > 20  # of two modules that name the same, the file could not be read


def test_a_module_that_two_others_import_stands_before_both(tmp_path):
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nimport {\n  c,\n} from "./c.js";\na(b, c);\n')
    (tmp_path / "b.js").write_text('import { c } from "./c.js";\nexport const b = c;\n')
    (tmp_path / "c.js").write_text("export const c = 1;\n")
    assert bundled(tmp_path / "a.js") == "export const c = 1;\n\nexport const b = c;\n\na(b, c);\n"
