from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from throwaway import CODE, edit, make_checkout

from pairvae_lib.book import chapters
from pairvae_lib.files.runs import Run

IMPORT = "from pairvae_lib.files.runs import Run"


def change(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Let a module of the library have other code."""
    read, changed = chapters._read, f"pairvae_lib.{module}"

    def other(name: str) -> object:
        return read(name)._replace(statements=frozenset()) if name == changed else read(name)

    monkeypatch.setattr(chapters, "_read", other)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    return make_checkout(tmp_path, monkeypatch)


def test_a_chapter_has_a_name_a_number_and_a_path(checkout):
    assert chapters.chapter_names() == tuple(CODE)
    path = checkout / "notebooks" / "text" / "03_solo_vae.md"
    for given in ("03_solo_vae", "03", str(path)):
        assert chapters.chapter_named(given) == "03_solo_vae"


@pytest.mark.parametrize("given", ["07", "3", "solo", "elsewhere/03_solo_vae.md", ""])
def test_an_unknown_chapter_is_refused_with_the_known_names(checkout, given):
    with pytest.raises(ValueError, match=f"^notebook must be one of 01_data, .*06_generation.*; got {given!r}$"):
        chapters.chapter_named(given)


def test_products_are_the_paths_of_the_run(checkout):
    run = Run(seed=7)
    assert chapters.product(run, "01_data") == run.data_folder
    assert chapters.product(run, "04_pair_vae") == run.pair_file
    assert chapters.product(run, "10_applications") == run.flow_file
    assert chapters.product(run, "07_more") is None


def test_a_chapter_that_declares_no_needs_reads_all_products():
    assert chapters.needs("05_evaluation") == ("04_pair_vae",)
    assert chapters.needs("07_more") == tuple(CODE)
    assert chapters.needs("10_applications") == ("04_pair_vae",)  # it declares some


def test_the_code_hash_changes_with_code_only(checkout):
    before = chapters.code_hash("03_solo_vae")
    edit(checkout, "03_solo_vae", "Prose.", "Other prose.")
    assert chapters.code_hash("03_solo_vae") == before
    edit(checkout, "03_solo_vae", "_ = run", "_  = run")
    assert chapters.code_hash("03_solo_vae") != before


def test_the_library_hash_ignores_docstrings_and_comments():
    sources = [
        '"""Module."""\nclass A:\n    """One."""\n\n    def f(self):\n        """One."""\n        return 1\n',
        "class A:\n    # what\n    def f(self):\n        return 1  # why\n",
        "class A:\n    def f(self):\n        return 2\n",
    ]
    same, as_well, other = [chapters.ast.dump(chapters._without_docstrings(source)) for source in sources]
    assert same == as_well != other


def test_the_library_hash_changes_with_modules_that_modules_import(checkout, monkeypatch):
    before = chapters.library_hash("03_solo_vae")
    edit(checkout, "03_solo_vae", IMPORT, f"%precision 3\nfrom pairvae_lib.data import modality\n{IMPORT}")
    assert chapters.library_hash("03_solo_vae") != before
    edit(checkout, "03_solo_vae", f"%precision 3\nfrom pairvae_lib.data import modality\n{IMPORT}", IMPORT)
    assert chapters.library_hash("03_solo_vae") == before
    change(monkeypatch, "checks")  # which runs imports
    assert chapters.library_hash("03_solo_vae") != before


def test_the_numbers_hash_depends_on_the_profile_and_on_what_makes_the_product(checkout, monkeypatch):
    before = {name: chapters.numbers_hash(name, "quick") for name in CODE}
    assert chapters.numbers_hash("03_solo_vae", "paper") != before["03_solo_vae"]

    def after_a_change_of(module: str) -> set[str]:
        with monkeypatch.context() as context:
            change(context, module)
            return {name for name in CODE if chapters.numbers_hash(name, "quick") != before[name]}

    for without_numbers in ("figures.images", "files.runs", "checks"):
        assert after_a_change_of(without_numbers) == set()
    assert after_a_change_of("data.simulation.phase_field") == {"01_data"}
    assert after_a_change_of("assessment.errors") == {"05_evaluation"}
    after_the_model = after_a_change_of("models.pairvae")
    assert {"03_solo_vae", "04_pair_vae"} <= after_the_model and "02_preprocessing" not in after_the_model


def test_the_numbers_of_a_flow_depend_on_its_own_settings_and_no_others_do(checkout, monkeypatch):
    names = [name for name in (*CODE, "10_applications") if name in chapters.MAKINGS]
    before = {name: chapters.numbers_hash(name, "quick") for name in names}
    change(monkeypatch, "models.flow.config")
    assert {name for name in names if chapters.numbers_hash(name, "quick") != before[name]} == {"10_applications"}


def test_a_chapter_without_a_product_has_no_numbers_hash():
    with pytest.raises(ValueError, match="^name must be one of 01_data, .*; got '07_more'$"):
        chapters.numbers_hash("07_more", "quick")


def test_upstream_chapters_stand_in_order():
    assert chapters.upstream("05_evaluation") == tuple(CODE)[:4] == chapters.upstream("06_generation")
    assert chapters.upstream("01_data") == ()
    assert chapters.upstream("07_more") == tuple(CODE)


def executed() -> object:
    output = new_output("stream", text="2\n")
    injected = new_code_cell("a = 2", metadata={"tags": ["injected-parameters"]})
    return new_notebook(
        cells=[
            new_markdown_cell("old"),
            new_code_cell("a = 1", metadata={"tags": ["parameters"]}),
            injected,
            new_code_cell("print(a)", outputs=[output]),
        ]
    )


def test_new_prose_takes_the_outputs_along():
    text = new_notebook(
        cells=[
            new_code_cell("a = 1", metadata={"tags": ["parameters"]}),
            new_markdown_cell("new"),
            new_code_cell("print(a)", metadata={"tags": ["hide-input"]}),
            new_markdown_cell("more"),
        ]
    )
    page = chapters.with_prose(text, executed())
    assert page.cells[3].metadata["tags"] == ["hide-input"]
    assert [cell.source for cell in page.cells] == ["a = 1", "a = 2", "new", "print(a)", "more"]
    assert page.cells[3].outputs[0].text == "2\n"


def test_new_code_cannot_take_old_outputs():
    text = new_notebook(cells=[new_code_cell("a = 1"), new_code_cell("print(a + 1)")])
    with pytest.raises(ValueError, match="^the code of the text differs from the code that was executed$"):
        chapters.with_prose(text, executed())
