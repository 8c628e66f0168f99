from __future__ import annotations

from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from pairvae_lib.book.execute import Parameter, declared_parameters, parsed_parameters

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
