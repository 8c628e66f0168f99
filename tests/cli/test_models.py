from __future__ import annotations

import json
import shutil

import pytest
from lab import code_of

from pairvae_lib.bundles import onnx as exporting, train as producing
from pairvae_lib.bundles.bundle import CARD, CONFIG, Bundle, save_bundle
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.scaling import Scaling
from pairvae_lib.models.flow.config import FLOWS
from pairvae_lib.models.flow.network import ConditionalFlow, fresh_flow


@pytest.mark.parametrize("command", ["train", "reconstruct", "generate", "report", "export", "watch"])
def test_help_teaches(command, capsys):
    assert code_of(command, "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"Example: pairvae {command}" in shown and "Exit codes: 0 done, 2 input at fault" in shown


def test_from_pairs_to_a_report(lab_pairs, tmp_path, capsys):
    model = tmp_path / "model"
    words = ("train", lab_pairs, "--out", model, "--profile", "tiny", "--held-out", "c", "--name", "Mine", "--half")
    assert code_of(*words, "--json") == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["model"] == str(model) and "Training both together" in shown.err
    assert (model / CARD).read_text().startswith("# Mine\n")
    assert code_of("report", model, "--out", tmp_path / "a.html") == 0
    assert "Does it beat a look-up in the training data? Not shown" in capsys.readouterr().out
    assert code_of("report", model, "--out", tmp_path / "b.html", "--data", lab_pairs, "--json") == 0
    assert json.loads(capsys.readouterr().out)["report"] == str(tmp_path / "b.html")
    assert ['class="pictures"' in (tmp_path / name).read_text() for name in ("a.html", "b.html")] == [False, True]


def test_a_flow_goes_the_same_way(lab_pairs, tmp_path, capsys):
    model, out = tmp_path / "model", tmp_path / "out"
    words = ("train", lab_pairs, "--out", model, "--profile", "tiny", "--model", "flow")
    assert code_of(*words) == 0
    shown = capsys.readouterr()
    assert "Training the flow (8 pairs, 4 held out)" in shown.err and "It does not copy" in shown.out
    assert code_of("report", model, "--out", tmp_path / "a.html", "--data", lab_pairs, "--json") == 0
    assert set(json.loads(capsys.readouterr().out)["sentences"]) == {"memorisation", "spread", "scattering"}
    files = [lab_pairs / "saxs" / name for name in ("s00.png", "s01.png")]
    assert code_of("reconstruct", model, *files, "--from", "saxs", "--samples", 2, "--out", out) == 0
    capsys.readouterr()
    assert code_of("generate", model, *files, "--from", "saxs", "--out", tmp_path / "no") == 2
    assert capsys.readouterr().err.count("generate needs a model with latents") == 1  # not once a file
    assert code_of("reconstruct", model, *files, "--from", "sem", "--out", tmp_path / "no") == 2
    assert capsys.readouterr().err.count("route must be one of saxs to sem; got sem to saxs") == 1
    assert not (tmp_path / "no").exists()


def test_train_hands_over_what_was_typed(monkeypatch, lab_model, capsys):
    from pairvae_lib.bundles.bundle import load_bundle

    orders = []
    monkeypatch.setattr(producing, "train_bundle", lambda order, _: orders.append(order) or load_bundle(lab_model))
    words = ("--profile", "tiny", "--seed", 7, "--n-train", 9, "--with-examples", "--model", "flow")
    assert code_of("train", "pairs", "--out", "x", *words) == 0
    (order,) = orders
    assert (order.data, str(order.out), order.profile, order.seed, order.n_train) == ("pairs", "x", "tiny", 7, 9)
    assert order.examples and not order.half and order.kind == "flow"
    assert capsys.readouterr().out.endswith("\nx\n")


def test_a_diverged_training_is_code_1(monkeypatch, capsys):
    def diverged(*_: object) -> None:
        raise FloatingPointError("pair: a loss is no longer finite in epoch 3")

    monkeypatch.setattr(producing, "train_bundle", diverged)
    assert code_of("train", "pairs", "--out", "x") == 1
    assert capsys.readouterr().err == "pairvae: pair: a loss is no longer finite in epoch 3\n"


def test_export(lab_model, tmp_path, capsys, monkeypatch):
    calls = []
    monkeypatch.setattr(exporting, "export_onnx", lambda model, out, half: calls.append((model.names, half)) or [out])
    assert code_of("export", lab_model, "--onnx", "--out", tmp_path) == 0
    assert code_of("export", lab_model, "--onnx", "--full", "--out", tmp_path) == 0
    assert calls == [(("saxs", "sem"), True), (("saxs", "sem"), False)]
    assert capsys.readouterr().out == f"{tmp_path}\n{tmp_path}\n"
    assert code_of("export", lab_model, "--out", tmp_path) == 2
    assert "name the format: --onnx" in capsys.readouterr().err


def test_export_of_a_flow(tmp_path, capsys, monkeypatch):
    calls = []
    monkeypatch.setattr(exporting, "export_onnx", lambda model, out, half: calls.append((type(model), half)) or [out])
    modalities = (Modality("saxs", (32, 32), "pattern"), Modality("sem", (32, 32), "mask"))
    flow = fresh_flow(*modalities, FLOWS["tiny"].architecture, 5, 0)
    bundle = Bundle(flow, modalities, (Scaling(), Scaling()), "tiny", {}, "flow")
    model = save_bundle(tmp_path / "model", bundle, "# A flow\n")
    assert code_of("export", model, "--onnx", "--out", tmp_path, "--json") == 0
    assert calls == [(ConditionalFlow, True)]
    assert json.loads(capsys.readouterr().out) == {"files": [str(tmp_path)]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 9, "library": "9.9"}, "its format version must be 2; got 9, written by pairvae_lib '9.9'"),
        ({"sha256": "0"}, "model.safetensors is not the file that config.json was written with"),
        ({"modalities": []}, "config.json does not describe a model"),
    ],
)
@pytest.mark.parametrize("command", ["report", "reconstruct", "generate", "export", "watch"])
def test_a_tampered_model_is_refused(lab_model, lab_pairs, tmp_path, capsys, command, change, message):
    model, out = tmp_path / "model", tmp_path / "out"
    shutil.copytree(lab_model, model)
    config = json.loads((model / CONFIG).read_text())
    (model / CONFIG).write_text(json.dumps(config | change))
    file = lab_pairs / "saxs" / "s01.png"
    words = {
        "report": (model,),
        "reconstruct": (model, file, "--from", "saxs"),
        "generate": (model, file, "--from", "saxs"),
        "export": (model, "--onnx"),
        "watch": (lab_pairs / "saxs", "--model", model),
    }[command]
    assert code_of(command, *words, "--out", out) == 2
    shown = capsys.readouterr().err
    assert message in shown and "Traceback" not in shown and not out.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("reconstruct", "{model}", "{file}", "--from", "tem", "--out", "{out}"), "modality must be one of saxs, sem;"),
        (("reconstruct", "{model}", "{file}", "--from", "saxs", "--to", "x", "--out", "{out}"), "got 'x'"),
        (("reconstruct", "nowhere", "{file}", "--from", "saxs", "--out", "{out}"), "it is not a folder"),
        (("generate", "{model}", "{file}", "--from", "saxs", "--variance", "-1", "--out", "{out}"), "must be above 0"),
        (("train", "nowhere", "--out", "{out}"), "is not a folder"),
        (("train", "{pairs}", "--out", "{out}", "--model", "x"), "model must be one of pairvae, flow; got 'x'"),
        (
            ("reconstruct", "{model}", "{file}", "--from", "saxs", "--beam", "1", "--out", "{out}"),
            "beam must be two numbers, ROW,COL; got '1'",
        ),
        (("train", "{pairs}", "--out", "{model}"), "is there already; name a folder that does not exist yet"),
        (("watch", "nowhere", "--model", "{model}", "--out", "{out}"), "the watched folder must be one; got 'nowhere'"),
    ],
)
def test_what_the_user_can_mend_is_one_message_and_code_2(lab_model, lab_pairs, tmp_path, capsys, words, message):
    places = {"model": lab_model, "pairs": lab_pairs, "file": lab_pairs / "saxs" / "s01.png", "out": tmp_path / "out"}
    assert code_of(*(word.format(**places) for word in words)) == 2
    shown = capsys.readouterr()
    assert message in shown.err and "Traceback" not in shown.err and shown.out == ""
