from __future__ import annotations

import re
from pathlib import Path

import pytest
from lab import write_pairs
from nbformat.v4 import new_code_cell, new_notebook

from pairvae_lib.book import execute
from pairvae_lib.book.execute import Parameter, declared_parameters, parsed_parameters
from pairvae_lib.checks import DataError

SOURCE = """
seed: int = 43
n_train: int | None = None
rate: float = 1
quiet: bool = False
data = "simulated"
"""


def notebook(*sources: str):
    return new_notebook(cells=[new_code_cell(source, metadata={"tags": ["parameters"]}) for source in sources])


@pytest.fixture
def declared() -> dict[str, Parameter]:
    return declared_parameters(notebook(SOURCE))


def test_names_types_and_defaults_come_from_the_cell(declared):
    assert declared == {
        "seed": Parameter("seed", int, False, 43),
        "n_train": Parameter("n_train", int, True, None),
        "rate": Parameter("rate", float, False, 1),
        "quiet": Parameter("quiet", bool, False, False),
        "data": Parameter("data", str, False, "simulated"),
    }


def test_without_an_annotation_a_parameter_of_a_run_has_the_type_that_the_run_states():
    assert declared_parameters(notebook("n_train = None"))["n_train"] == Parameter("n_train", int, True, None)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os", "must be declared as 'name: type = value'; got 'import os'"),
        ("seed = 40 + len('abc')", "value of parameter 'seed' must be a constant"),
        ("sizes = [32, 48]", "parameter 'sizes' must have one of the types int, float, str, bool; got 'list'"),
        ("size: int | str = 3", "parameter 'size' must have one of the types"),
    ],
)
def test_a_line_that_declares_no_parameter_is_named(source, message):
    with pytest.raises(ValueError, match="^.*" + message.replace("|", r"\|").replace("+", r"\+")):
        declared_parameters(notebook(source))


def test_a_chapter_has_one_parameters_cell():
    with pytest.raises(ValueError, match="one cell tagged 'parameters'; got 0"):
        declared_parameters(notebook())
    with pytest.raises(ValueError, match="got 2"):
        declared_parameters(notebook("a = 1", "b = 1"))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seed", "-3", -3),
        ("n_train", "32", 32),
        ("n_train", "none", None),
        ("n_train", "None", None),
        ("rate", "1e-3", 0.001),
        ("quiet", "TRUE", True),
        ("data", "simulated", "simulated"),
    ],
)
def test_a_text_becomes_a_value_of_the_declared_type(declared, name, text, value):
    assert parsed_parameters(declared, [(name, text)]) == {name: value}


def test_a_folder_becomes_absolute(declared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parsed_parameters(declared, [("data", "here/there")]) == {"data": str(tmp_path.resolve() / "here/there")}
    assert Path(str(parsed_parameters(declared, [("data", "/elsewhere")])["data"])).is_absolute()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([("seed", "x")], "^seed must be an integer; got 'x'$"),
        ([("seed", "none")], "^seed must be an integer; got 'none'$"),
        ([("n_train", "many")], "^n_train must be an integer or none; got 'many'$"),
        ([("rate", "fast")], "^rate must be a number; got 'fast'$"),
        ([("quiet", "1")], "^quiet must be true or false; got '1'$"),
        ([("sed", "1")], r"^there is no parameter 'sed' \(given: '1'\); known here: seed, n_train, rate, quiet, data$"),
        ([("seed", "1"), ("seed", "2")], "^parameter 'seed' is given twice: 1 and '2'$"),
    ],
)
def test_what_does_not_fit_is_named(declared, given, message):
    with pytest.raises(ValueError, match=message):
        parsed_parameters(declared, given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("n_train", "0"), "n_train must lie between 1 and 10000; got 0"),
        (("n_train", "7"), "n_train must be at least the batch size 8; got 7 training pairs"),
        (("n_train", "12"), "n_train must lie between 1 and 11 for 12 samples; got 12"),
        (("held_out", "none"), "held_out='none' needs a column 'group' or 'batch' in the manifest; the data have none"),
        (("seed", "-1"), "seed must lie between 0 and "),
        (("protocol", "none"), "protocol must be one of "),
    ],
)
def test_parameters_are_checked_before_anything_runs(monkeypatch, given, message):
    monkeypatch.setattr(execute, "_execute", lambda *_: pytest.fail("a chapter was run"))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        execute.run_chapter("05", [given], profile="tiny")


def test_groups_and_pairs_of_own_data_are_known_before_anything_runs(monkeypatch, tmp_path):
    folder = str(write_pairs(tmp_path / "pairs"))
    run = []
    monkeypatch.setattr(execute, "_execute", lambda run_, name, *_: run.append(name))
    with pytest.raises(ValueError, match=r"^held_out must be one of at least two groups \(a, b, c\); got 'd'$"):
        execute.run_chapter("05", [("data", folder), ("held_out", "d")], profile="tiny")
    (tmp_path / "pairs/manifest.csv").write_text("sample_id\n")
    with pytest.raises(DataError):
        execute.run_chapter("05", [("data", folder)], profile="tiny")
    assert run == []


@pytest.mark.parametrize(("name", "text"), [("members", "0"), ("members", "99999999999"), ("rate", "nan")])
def test_numbers_out_of_range_are_named(name, text):
    declared = declared_parameters(notebook("members: int = 16\nrate: float = 1.0"))
    with pytest.raises(ValueError, match=f"^{name} must "):
        declared[name].value(text)
