"""Two techniques of any kinds, from files to predictions both ways: two curves, a curve and grey images, two images."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from lab import code_of
from PIL import Image

from pairvae_lib.assessment.ensemble_errors import METRICS
from pairvae_lib.bundles import onnx as exporting
from pairvae_lib.bundles.bundle import load_bundle
from pairvae_lib.data.folder import open_pairs, prepare
from pairvae_lib.models.flow.condition import conditioning

SIZES = [3 + i % 6 for i in range(13)]  # what both techniques tell of; 13 is the least that check calls usable
Q, WAVELENGTH = np.geomspace(0.1, 3, 60), np.linspace(350, 800, 70)


def write_table(path: Path, header: str, x: np.ndarray, y: np.ndarray) -> str:
    path.write_text(f"{header}\n" + "".join(f"{a:.8g},{b:.8g}\n" for a, b in zip(x, y, strict=True)))
    return path.name


def scattering(path: Path, size: int) -> str:
    return write_table(path, "q (1/nm),I", Q, 1e3 / (1 + (size * Q / 5) ** 4))


def spectrum(path: Path, size: int, header: str = "wavelength (nm),extinction") -> str:
    return write_table(path, header, WAVELENGTH, 0.3 - np.exp(-(((WAVELENGTH - 60 * size - 250) / 60) ** 2)))


def texture(path: Path, size: int, turned: bool = False) -> str:
    row, col = np.indices((40, 44))
    wave = 120 + 60 * np.sin(2 * np.pi * (col if turned else row) / size) + 10 * np.cos(row * col)
    Image.fromarray(wave.astype(np.uint8)).save(path)
    return path.name


def write_folder(folder: Path, **columns) -> Path:
    """Pairs whose files two functions write, by the name of the column and the suffix: saxs_dat=scattering."""
    folder.mkdir()
    rows = []
    for i, size in enumerate(SIZES):
        files = [
            write(folder / f"{name}-{i}.{name.rpartition('_')[2]}", size) for name, write in columns.items()
        ]
        rows.append([f"s{i:02d}", *files, "ab"[i % 2]])
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["sample_id", *(name.rpartition("_")[0] for name in columns), "group"], *rows])
    return folder


PAIRS = {
    "two curves": ({"saxs_dat": scattering, "extinction_csv": spectrum}, (), ("profile", "profile")),
    "an image and a curve": (
        {"optical_png": texture, "extinction_csv": spectrum}, (), ("profile", "image")
    ),
    "two images": (
        {"optical_png": texture, "height_png": lambda path, size: texture(path, size, True)},
        ("--kind", "height=image"), ("image", "image"),
    ),
    "a pattern and an image": (
        {"saxs_png": texture, "sem_png": texture}, ("--kind", "sem=image"), ("pattern", "image"),
    ),
    "two masks": ({"sem_png": texture, "afm_png": texture}, (), ("mask", "mask")),
}


@pytest.fixture(scope="module", params=list(PAIRS))
def trained(request, tmp_path_factory):
    """A folder, the options that it needs, and the folder of a model that was trained on it."""
    columns, options, kinds = PAIRS[request.param]
    place = tmp_path_factory.mktemp("pairs")
    folder = write_folder(place / "data", **columns)
    assert code_of("train", folder, "--out", place / "model", "--profile", "tiny", *options) == 0
    return folder, options, kinds, place / "model"


def test_check_says_what_both_are(trained, capsys):
    folder, options, kinds, _ = trained
    assert code_of("check", folder, "--profile", "tiny", "--json", *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["usable"]
    assert tuple(one["kind"] for one in found["techniques"]) == kinds
    assert code_of("check", folder, "--profile", "tiny", "--out", folder.parent / "check.html", *options) == 0
    assert "not readable" not in (folder.parent / "check.html").read_text()


def test_the_model_knows_both_and_its_report_has_every_route(trained, tmp_path, capsys):
    folder, options, kinds, model = trained
    bundle = load_bundle(model)
    assert tuple(one.kind for one in bundle.modalities) == kinds
    assert code_of("report", model, "--data", folder, "--out", tmp_path / "report.html", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    first, second = (one.name for one in bundle.modalities)
    compared = {one["route"] for one in content["comparisons"]}
    assert compared == {f"{first}_to_{second}", f"{second}_to_{first}"}
    for named in content["errors"].values():
        assert {"nearest neighbour", "kernel ridge", "training mean"} <= named.keys()
    page = (tmp_path / "report.html").read_text()
    assert "held out: unlabelled, s" in page and page.count("<img") >= 4
    assert code_of("report", model, "--out", tmp_path / "plain.html") == 0


@pytest.mark.parametrize("way", [0, 1])
def test_predictions_go_both_ways(trained, tmp_path, way):
    folder, _, kinds, model = trained
    bundle = load_bundle(model)
    source, target = (one.name for one in bundle.modalities[:: -1 if way else 1])
    file = next(path for path in sorted(folder.iterdir()) if path.name.startswith(f"{source}_"))
    for command, *count in (("reconstruct", "--samples", 3), ("generate", "--count", 3)):
        out = tmp_path / command
        assert code_of(command, model, file, "--from", source, "--out", out, *count) == 0
        (summary,) = (json.loads(path.read_text()) for path in out.glob("*/summary.json"))
        assert (summary["target"], summary["samples"]) == (target, 3)
        written = {Path(name).name for name in summary["files"]}
        expected = {"profile": {"profile.csv", "profiles.npz"}, "image": {"images.npz", "overview.png"}}
        assert expected.get(kinds[1 - way], {"overview.png"}) <= written
    assert code_of("watch", folder, "--model", model, "--from", source, "--once", "--out", tmp_path / "watched") == 0
    lines = [json.loads(line) for line in (tmp_path / "watched" / "log.jsonl").read_text().splitlines()]
    assert {line["status"] for line in lines if line["file"].startswith(f"{source}_")} <= {"done", "same"}


def test_what_belongs_to_masks_says_so(trained, capsys):
    folder, options, kinds, model = trained
    if "mask" not in kinds:
        out = model.with_name("flow")
        assert code_of("train", folder, "--out", out, "--model", "flow", "--profile", "tiny", *options) == 2
        assert "a flow draws masks, so the second technique must be of the kind mask; got " in capsys.readouterr().err
        assert not out.exists()
        with pytest.raises(ValueError, match="this needs a technique of the kind mask"):
            open_pairs(folder, dict([options[1].split("=")]) if options else None).mask(0)


EXPORTED = {"an image and a curve", "a pattern and an image", "two masks"}  # every kind once; a network takes seconds


@pytest.mark.parametrize("trained", [name for name in PAIRS if name in EXPORTED], indirect=True)
def test_export_writes_both(trained, tmp_path):
    *_, model = trained
    assert code_of("export", model, "--onnx", "--out", tmp_path / "onnx") == 0
    assert len(list((tmp_path / "onnx").glob("*.onnx"))) == 4


# ---- a conditional flow, from each kind to masks

TO_MASKS = {  # in the order of the manifest
    "profile": {"sem_png": texture, "extinction_csv": spectrum},
    "pattern": {"saxs_png": texture, "sem_png": texture},
    "image": {"sem_png": texture, "optical_png": lambda path, size: texture(path, size, True)},
    "mask": {"afm_png": texture, "sem_png": texture},
}


@pytest.fixture(scope="module", params=list(TO_MASKS))
def flow(request, tmp_path_factory):
    """A folder, and that of a flow from its other technique to masks."""
    place = tmp_path_factory.mktemp("flow")
    folder = write_folder(place / "data", **TO_MASKS[request.param])
    assert code_of("train", folder, "--out", place / "flow", "--model", "flow", "--profile", "tiny") == 0
    first, second = load_bundle(place / "flow").modalities
    assert (first.kind, second.kind, second.name) == (request.param, "mask", "sem")
    return folder, place / "flow", first


def test_a_flow_draws_masks_from_any_kind(flow, tmp_path, capsys):
    folder, model, first = flow
    file = folder / next(path.name for path in sorted(folder.iterdir()) if path.name.startswith(f"{first.name}_"))
    assert code_of("reconstruct", model, file, "--from", first.name, "--out", tmp_path / "out", "--samples", 5) == 0
    (summary,) = (json.loads(path.read_text()) for path in (tmp_path / "out").glob("*/summary.json"))
    assert (summary["target"], summary["samples"]) == ("sem", 5)
    assert code_of("watch", folder, "--model", model, "--once", "--out", tmp_path / "watched") == 0
    lines = [json.loads(line) for line in (tmp_path / "watched" / "log.jsonl").read_text().splitlines()]
    assert {one["status"] for one in lines if one["file"].startswith(f"{first.name}_")} <= {"done", "same"}
    capsys.readouterr()
    assert code_of("generate", model, file, "--from", first.name, "--out", tmp_path / "wide") == 2
    assert code_of("reconstruct", model, file, "--from", "sem", "--out", tmp_path / "back") == 2
    refused = capsys.readouterr().err
    assert "generate needs a model with latents" in refused and f"route must be one of {first.name} to sem" in refused


def test_a_flow_from_any_kind_has_its_report_and_its_card(flow, tmp_path, capsys):
    folder, model, first = flow
    capsys.readouterr()
    assert code_of("report", model, "--data", folder, "--out", tmp_path / "report.html", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert {one["route"] for one in content["comparisons"]} == {f"{first.name}_to_sem"}
    page, card = (tmp_path / "report.html").read_text(), (model / "card.md").read_text()
    assert set(content["errors"]) == set(METRICS)
    for metric, named in content["errors"].items():
        assert {f"{first.name}_to_sem", "nearest neighbour", "kernel ridge", "training mean"} <= named.keys()
        assert f"{metric}: " in page and f"**{metric}**: " in card
    assert page.count("<img") >= 9 and "held out: unlabelled, s" in page


def test_a_flow_from_any_kind_is_exported_and_reads_the_same_condition(flow, tmp_path, monkeypatch):
    folder, model, first = flow
    written = {f"{first.name}_condition", f"{first.name}_to_sem_flow"}
    if first.kind != "mask":  # the network knows nothing of the kind, and takes long to write
        monkeypatch.setattr(exporting, "export_flow", lambda flow, file, half: file)
        written.remove(f"{first.name}_to_sem_flow")
    assert code_of("export", model, "--onnx", "--out", tmp_path) == 0
    assert {path.stem for path in tmp_path.iterdir()} == written
    x = conditioning(prepare(open_pairs(folder), "tiny").of(first.name), range(6), np.random.default_rng(0))
    file = tmp_path / f"{first.name}_condition.onnx"
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for seen in (x, x[:, :1], x[:1]):
        (condition,) = session.run(None, {"measurement": seen})
        expected = load_bundle(model).model.condition(torch.from_numpy(seen)).numpy()
        np.testing.assert_allclose(condition, expected, atol=1e-5)
    assert expected.std() > 0.01


# ---- curves over any axis


def curves(folder, **columns):
    return write_folder(folder, saxs_dat=scattering, **columns)


def test_a_spectrum_is_kept_on_its_own_scale_and_a_wide_one_is_seen_as_its_logarithm(tmp_path):
    pairs = prepare(open_pairs(curves(tmp_path / "a", uv_csv=spectrum)), "tiny")
    saxs, uv = pairs.measured
    assert (saxs.axis.label, saxs.axis.is_log, saxs.is_log) == ("q [1/nm]", True, True)
    assert (uv.axis.label, uv.axis.is_log, uv.is_log) == ("wavelength [nm]", False, False)
    low, high = uv.limits
    seen = low + (high - low) * uv.values[0, 0]
    expected = 0.3 - np.exp(-(((uv.grid - 60 * SIZES[0] - 250) / 60) ** 2))
    assert seen[2:-2] == pytest.approx(expected[2:-2], abs=0.05)

    def wide(path, size):
        x = np.geomspace(1e-2, 1e6, 60)
        return write_table(path, "Frequency [Hz],Z", x, 10 * size / (1 + x / 1e3))

    _, z = prepare(open_pairs(curves(tmp_path / "b", impedance_csv=wide)), "tiny").measured
    assert (z.axis.label, z.axis.is_log, z.is_log) == ("frequency [Hz]", True, True)


def test_an_axis_that_no_file_names_is_asked_for_and_can_be_said(tmp_path, capsys):
    def bare(path, size):
        return spectrum(path, size, "")

    folder = curves(tmp_path / "a", uv_csv=bare)
    assert code_of("check", folder, "--profile", "tiny") == 0
    assert "no uv file says what its first column is" in capsys.readouterr().out
    text = (folder / "manifest.csv").read_text().splitlines()
    (folder / "manifest.csv").write_text(
        "\n".join([f"{text[0]},uv_axis", *(f"{line},wavelength [nm]" for line in text[1:])])
    )
    assert open_pairs(folder).techniques[1].axis.label == "wavelength [nm]"
    assert open_pairs(folder).techniques[0].axis.label == "q [1/nm]"


def test_spectra_over_different_axes_or_in_different_units_are_at_fault(tmp_path, capsys):
    headers = iter(["energy (eV),a", "wavelength (um),a", *["wavelength (nm),a"] * 20])
    folder = curves(tmp_path / "a", uv_csv=lambda path, size: spectrum(path, size, next(headers)))
    assert code_of("check", folder, "--profile", "tiny") == 2
    told = capsys.readouterr().out
    assert "uv_csv-0.csv: is over energy, and most profiles are over wavelength" in told
    assert "uv_csv-1.csv: its wavelength is in um, and in nm in most profiles" in told


def test_a_scattering_column_must_be_over_q(tmp_path, capsys):
    folder = write_folder(tmp_path / "a", saxs_csv=spectrum, sem_png=texture)
    assert code_of("check", folder, "--profile", "tiny") == 2
    assert "must be a profile over q" in capsys.readouterr().out


def test_kind_words_that_say_nothing_are_refused(tmp_path, capsys):
    folder = curves(tmp_path / "a", uv_csv=spectrum)
    assert code_of("check", folder, "--kind", "uv") == 2
    assert "--kind must be COLUMN=KIND; got 'uv'" in capsys.readouterr().err
    assert code_of("check", folder, "--kind", "uv=picture") == 2
    assert "kinds['uv'] must be one of profile, pattern, image, mask" in capsys.readouterr().err
