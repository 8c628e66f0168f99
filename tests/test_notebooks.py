"""Texts and notebooks: in step with each other, short, and free of what belongs to one machine or one run."""

from __future__ import annotations

import ast
import json
import re

import nbformat
import pytest

from pairvae_lib.book import chapters
from pairvae_lib.book.build import with_anchors
from pairvae_lib.book.execute import declared_parameters
from pairvae_lib.files.runs import Run, project_root

NAMES = chapters.chapter_names()
MOST_LINES = 26  # of a cell, exclusive
MOST_COLUMNS = 80  # of its lines: what a page shows without a break
MOST_DEF_LINES = 5
ABSOLUTE = re.compile(r"""(?<![\w.:/])(?:/(?:home|root|tmp|work|Users|mnt|opt|usr|var|data)/|[A-Z]:\\|~/)""")
VOLATILE = {"papermill", "execution", "widgets"}


def cells(notebook: nbformat.NotebookNode) -> list[tuple[str, str, list[str]]]:
    """All but the cell that sets up Colab, which committed notebooks have where the book has a public address."""
    tagged = [
        (cell.cell_type, with_anchors(cell.source), sorted(cell.metadata.get("tags", ()))) for cell in notebook.cells
    ]
    return [cell for cell in tagged if "colab" not in cell[2]]


def code(name: str) -> list[str]:
    return chapters.code_of(chapters.chapter_text(name))


def syntax(source: str) -> ast.Module:
    return ast.parse("\n".join(line for line in source.splitlines() if not line.startswith("%")))


@pytest.fixture(scope="module", params=NAMES)
def pair(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(chapters.paired_file(request.param), as_version=4)


def test_every_text_has_its_pair_and_the_other_way_round():
    committed = {path.stem for path in (project_root() / "notebooks").glob("*.ipynb")}
    assert committed == set(NAMES) and set(chapters.MAKINGS) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_is_in_step(name):
    pair = nbformat.read(chapters.paired_file(name), as_version=4)
    assert cells(pair) == cells(chapters.chapter_text(name)), "run: make notebooks"


def test_a_committed_notebook_was_executed_without_a_fault(pair):
    code_cells = [cell for cell in pair.cells if cell.cell_type == "code" and cell.source.strip()]
    executed = [cell for cell in code_cells if "colab" not in cell.metadata.get("tags", ())]
    assert all(cell.execution_count for cell in executed)
    assert not [output for cell in executed for output in cell.outputs if output.output_type == "error"]


def test_a_committed_notebook_holds_nothing_of_one_run(pair):
    assert not VOLATILE & set(pair.metadata) and "version" not in pair.metadata.get("language_info", {})
    for cell in pair.cells:
        assert not VOLATILE & set(cell.metadata)
        assert "injected-parameters" not in cell.metadata.get("tags", ())
        for output in cell.get("outputs", ()):
            assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})


def test_nothing_names_a_place_on_one_machine(pair):
    shown = [cell.source for cell in pair.cells]
    for cell in pair.cells:
        for output in cell.get("outputs", ()):
            data = {kind: value for kind, value in output.get("data", {}).items() if not kind.startswith("image/")}
            shown.append(json.dumps([output.get("text", ""), data]))
    assert [text[max(0, at.start() - 40) : at.end() + 40] for text in shown for at in ABSOLUTE.finditer(text)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_declares_what_it_takes(name):
    declared = declared_parameters(chapters.chapter_text(name))
    of_run = ["profile", "data"] if name < "03" else ["profile", "seed", "n_train", "data", "held_out"]
    assert set(of_run) <= set(declared)
    defaults = Run()
    assert {key: declared[key].default for key in of_run} == {key: getattr(defaults, key) for key in of_run}


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_short_and_leave_functions_and_loops_over_epochs_to_the_library(name):
    for source in code(name):
        body = [node for node in syntax(source).body if not isinstance(node, ast.Import | ast.ImportFrom)]
        assert sum(node.end_lineno - node.lineno + 1 for node in body) < MOST_LINES, source
        assert [line for line in source.splitlines() if len(line) > MOST_COLUMNS] == []
        assert not re.search(r"^\s*[!]|^\s*%(?:pip|conda)|\.backward\(\)", source, re.MULTILINE), source
        for node in ast.walk(syntax(source)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                assert node.end_lineno - node.lineno < MOST_DEF_LINES, source


def only_draws(source: str) -> bool:
    """Whether a cell is one call that draws a figure."""
    body = syntax(source).body
    return len(body) == 1 and re.match(r"_ = figures\.[\w.]+\(", ast.unparse(body[0])) is not None


@pytest.mark.parametrize("name", NAMES)
def test_code_that_only_draws_is_folded(name):
    code_cells = [cell for cell in chapters.chapter_text(name).cells if cell.cell_type == "code"]
    drawing = [cell for cell in code_cells if only_draws(cell.source)]
    folded = {"hide-input", "hide-cell"}
    assert [cell.source for cell in drawing if not folded & set(cell.metadata.get("tags", ()))] == []


@pytest.mark.parametrize("name", NAMES)
def test_all_imports_of_a_chapter_stand_in_one_cell(name):
    importing = [
        source
        for source in code(name)
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(syntax(source)))
    ]
    assert importing == [code(name)[0]]
    ours = [one for one in syntax(importing[0]).body if isinstance(one, ast.ImportFrom | ast.Import)]
    assert sum("pairvae_lib" in ast.unparse(one) for one in ours) <= 6


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_opens_with_its_question_and_run_time_and_closes_with_what_was_shown(name):
    prose = [cell.source for cell in chapters.chapter_text(name).cells if cell.cell_type == "markdown"]
    assert prose[0].startswith(f"# {int(name[:2])} ")
    assert "**Question.**" in prose[0] and "**Run time" in prose[0]
    assert prose[-1].startswith("## What was shown")


# What a sentence about the outcome of one run says: a number, a comparison, a verdict.
NUMBER = r"two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty|sixty|hundred|twice|half"
OUTCOME = re.compile(
    rf"""(?<![\w.])\d*\.\d+ | \d+\s*% | \b(?:{NUMBER})\s+(?:times|of|as) | \bas\s+\w+\s+as\b | \btold\s+apart\b |
    \b(?:near|far|larg|small|low|high|clos|slow|fast|short|long)(?:er|ther|est)\b |
    \b(?:better|worse|best|worst|less|more|fewer|most|holds?|appears?|beats?|wins?|loses?|fails?)\b""",
    re.VERBOSE,
)
# Where such a sentence rests: on what is computed when the chapter runs, or on what is published.
SOURCE = re.compile(
    r"\btables?\b|\bcurves above\b|\bprinted\b|published|\bclaims? \d|whether|\bwhere\b|\bif\b", re.IGNORECASE
)


def frozen(prose: str) -> list[str]:
    """Sentences that tell an outcome, in paragraphs that name no source of it."""
    paragraphs = [text for text in re.split(r"\n\s*\n|\n- ", prose) if not SOURCE.search(text)]
    sentences = [one for text in paragraphs for one in re.split(r"(?<=[.:?])\s+", text)]
    return [one for one in sentences if OUTCOME.search(one) and not one.startswith("Differences from")]


@pytest.mark.parametrize(
    "sentence",
    [
        "The paper's order, solo before pair, does not appear; pair before micrograph does.",
        "But looking up the nearest training neighbour is nearer still, in $S_2$ and with direction.",
        "It is some sixty times as slow as PairVAE.",
        "The lookup does about as well as either.",
        "The lineal paths are too long (mean of $L$ 0.16).",
    ],
)
def test_a_frozen_outcome_is_found(sentence):
    assert frozen(f"## What was shown\n\nA first line.\n\n{sentence}") == [sentence]


@pytest.mark.parametrize("name", NAMES)
def test_no_conclusion_freezes_what_one_run_has_found(name):
    prose = [cell.source for cell in chapters.chapter_text(name).cells if cell.cell_type == "markdown"]
    assert frozen(prose[-1]) == []


@pytest.mark.parametrize("name", NAMES)
def test_cells_with_widgets_are_left_out_of_the_comparison(name):
    for cell in chapters.chapter_text(name).cells:
        widgets = r"^\s*(stack_slider|grid_selector|latent_explorer|flow_explorer)\("
        shows = re.search(widgets, cell.source, re.MULTILINE)
        if cell.cell_type == "code" and shows:
            assert "nbval-ignore-output" in cell.metadata.get("tags", ())


STEPS = [name for name in NAMES if name[:2] in ("01", "02", "03", "04", "06")]  # the paper, step by step
ENDINGS = ["What", "On which data", "For your data"]


@pytest.mark.parametrize("name", STEPS)
def test_a_step_ends_with_two_exercises_and_three_sentences(name):
    *_, exercises, last = (cell for cell in chapters.chapter_text(name).cells if cell.cell_type == "markdown")
    assert "**Exercise 2.**" in exercises.source
    assert re.findall(r"^\*\*([^*]+)\.\*\* ", last.source, re.MULTILINE) == ENDINGS


@pytest.mark.parametrize("name", STEPS)
def test_a_solution_runs_and_is_folded(name):
    every = chapters.chapter_text(name).cells
    asked = [k for k, cell in enumerate(every) if "**Exercise" in cell.source and cell.cell_type == "markdown"]
    solutions = [every[k + 1] for k in asked]
    assert len(solutions) == 2 and all(cell.cell_type == "code" for cell in solutions)
    assert all("hide-cell" in cell.metadata.get("tags", ()) for cell in solutions)


@pytest.mark.parametrize("name", STEPS)
def test_every_figure_has_a_caption_before_it(name):
    every = chapters.chapter_text(name).cells
    for k, cell in enumerate(every):
        figure = "image" in cell.metadata.get("mystnb", {}) and "hide-cell" not in cell.metadata.get("tags", ())
        if figure:
            before = next(other for other in every[k - 1 :: -1] if other.cell_type == "markdown")
            assert before.source.split("\n\n")[-1].startswith("**"), cell.source


@pytest.mark.parametrize("name", STEPS)
def test_a_figure_in_a_tab_names_a_label_of_its_chapter(name):
    every = chapters.chapter_text(name).cells
    for k, cell in enumerate(every):
        for tag in cell.metadata.get("tags", ()):
            if tag.startswith("beside-"):
                caption = every[k - 2].source.split("\n\n")[-2:]
                assert caption[0].split("\n")[-1] == f"({tag.removeprefix('beside-')})="
