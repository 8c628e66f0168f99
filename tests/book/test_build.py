from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import numpy as np
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from paper_map import ITEMS
from PIL import Image
from throwaway import edit, make_checkout

from pairvae_lib.book import build as bookbuild
from pairvae_lib.book.chapters import chapter_names, chapter_text
from pairvae_lib.checks import MissingResult
from pairvae_lib.files.runs import Run

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A throw-away checkout whose chapters are executed, with a book of one page."""
    root = make_checkout(tmp_path, monkeypatch)
    for name in chapter_names():
        text = chapter_text(name)
        for number, cell in enumerate(cell for cell in text.cells if cell.cell_type == "code"):
            cell.execution_count = number + 1
            cell.outputs = [new_output("stream", text=f"{name} {number}\n")]
        text.metadata["papermill"] = {"duration": 1.0}
        path = Run().notebook(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(text, path)
    (root / "book" / "web" / "node_modules" / "x").mkdir(parents=True)
    (root / "book" / "web" / "node_modules" / "x" / "README.md").write_text("# Not a page")
    (root / "book" / "index.md").write_text("# Title\n")
    (root / "book" / "status.md").write_text("# Status\n")
    (root / "CITATION.cff").write_text("version: 1\n")
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    (root / "_config.yml").write_text(
        "title: t\nsphinx:\n  config:\n    html_extra_path: [book/web/static]\n    mathjax_path: a.js\n"
        "    nb_ipywidgets_js: {}\n    myst_heading_anchors: 3\n"
    )
    return root


def staged_settings(checkout: Path) -> dict[str, object]:
    bookbuild.stage(Run(), checkout / "staged")
    return yaml.safe_load((checkout / "staged" / "_config.yml").read_text())["sphinx"]["config"]


def test_the_staged_sources_are_prose_and_executed_chapters(checkout):
    edit(checkout, "03_solo_vae", "Prose.", "New prose.")
    bookbuild.stage(Run(), checkout / "staged")
    files = {str(path.relative_to(checkout / "staged")) for path in (checkout / "staged").rglob("*") if path.is_file()}
    assert files == {
        "CITATION.cff",
        "_config.yml",
        "_toc.yml",
        "book/index.md",
        "book/status.md",
        *(f"notebooks/{name}.ipynb" for name in chapter_names()),
    }
    page = nbformat.read(checkout / "staged" / "notebooks" / "03_solo_vae.ipynb", as_version=4)
    assert "New prose." in [cell.source for cell in page.cells]
    assert page.cells[-1].outputs[0].text == "03_solo_vae 2\n"


def test_the_status_page_is_appended_to_its_prose(checkout):
    bookbuild.stage(Run(), checkout / "staged")
    status = (checkout / "staged" / "book" / "status.md").read_text()
    assert status.startswith("# Status\n\n## This build\n")
    assert (checkout / "book" / "status.md").read_text() == "# Status\n"


def test_a_first_page_with_the_comparison_needs_the_models(checkout):
    (checkout / "book" / "index.md").write_text("# Title\n\n<!-- images/cover-comparison.html -->\n")
    Run().pairs_file.unlink(missing_ok=True)
    with pytest.raises(MissingResult, match="pairs.npz is not there yet; make it with: pairvae run 02_preprocessing"):
        bookbuild.stage(Run(), checkout / "staged")


def set_address(checkout, url):
    """Name a public address of the repository."""
    with (checkout / "_config.yml").open("a") as file:
        file.write(f"repository: {{url: '{url}'}}\n")


def test_a_public_address_gives_the_staged_book_buttons(checkout):
    set_address(checkout, "https://github.com/someone/pairvae")
    bookbuild.stage(Run(), checkout / "staged")
    settings = yaml.safe_load((checkout / "staged" / "_config.yml").read_text())
    assert settings["launch_buttons"]["colab_url"] == "https://colab.research.google.com"
    assert settings["html"]["use_repository_button"] is True


def test_a_public_address_gives_committed_chapters_a_first_cell_for_colab(checkout):
    set_address(checkout, "https://github.com/someone/pairvae")
    path = bookbuild.refresh_notebooks(Run())[2]
    cells = nbformat.read(path, as_version=4).cells
    assert [cell.metadata.get("tags") for cell in cells if "colab" in cell.source] == [["colab", "remove-cell"]]
    assert cells[1].source.endswith("pairvae run 03_solo_vae")


def test_without_assets_no_setting_names_them_or_another_host(checkout, capsys):
    expected = {"myst_heading_anchors": 3, "nb_ipywidgets_js": {}, "html_math_renderer": "mathml"}
    assert staged_settings(checkout) == expected
    assert capsys.readouterr().out.startswith("no offline assets (see `make assets`)")


def test_with_assets_the_pages_load_them(checkout, capsys):
    (bookbuild.static_folder() / "_static").mkdir(parents=True)
    (Run().explorer_folder / "model1").mkdir(parents=True)
    (Run().explorer_folder / "model1" / "sem_decoder.onnx").write_text("weights")
    (Run().curves_explorer_folder / "curves1").mkdir(parents=True)
    (Run().curves_explorer_folder / "curves1" / "saxs_decoder.onnx").write_text("weights of curves")
    (Run().flow_explorer_folder / "flow").mkdir(parents=True)
    (Run().flow_explorer_folder / "flow" / "saxs_to_sem_flow.onnx").write_text("weights of a flow")
    settings = staged_settings(checkout)
    extra = checkout / "staged-explorer"
    assert settings["html_extra_path"] == [str(bookbuild.static_folder()), str(extra)]
    assert settings["mathjax_path"] == "a.js"
    assert capsys.readouterr().out == ""
    models = extra / "_static" / "explorer" / "models"
    assert (models / "model1" / "sem_decoder.onnx").read_text() == "weights"
    assert (models / "curves1" / "saxs_decoder.onnx").read_text() == "weights of curves"
    assert (models / "flow" / "saxs_to_sem_flow.onnx").read_text() == "weights of a flow"
    assert '["models/flow/saxs_to_sem_flow.onnx"]' in (models / "flow" / "saxs_to_sem_flow.onnx.js").read_text()


def test_a_book_with_assets_asks_for_what_the_explorer_loads(checkout):
    (bookbuild.static_folder() / "_static").mkdir(parents=True)
    with pytest.raises(MissingResult, match="explorer is not there yet; make it with: pairvae run 06_generation"):
        bookbuild.stage(Run(), checkout / "staged")
    Run().explorer_folder.mkdir(parents=True)
    with pytest.raises(MissingResult, match="curves_explorer is not there yet; make it with: pairvae run 07_your_data"):
        bookbuild.stage(Run(), checkout / "staged")
    Run().curves_explorer_folder.mkdir(parents=True)
    with pytest.raises(MissingResult, match="flow_explorer is not there yet; make it with: pairvae run 08_beyond"):
        bookbuild.stage(Run(), checkout / "staged")


VIEW = "application/vnd.jupyter.widget-view+json"


def test_without_assets_every_widget_is_a_still_picture_with_a_line_that_says_so(checkout):
    picture, other = png_of(np.zeros((2, 2), np.uint8)).strip(), png_of(np.ones((2, 2), np.uint8)).strip()
    html = {name: {"state": {"value": f'<img src="data:image/png;base64,{data}" alt="a">'}}
            for name, data in (("first", other), ("second", picture))}
    states = html | {
        "box": {"state": {"children": ["IPY_MODEL_menu", "IPY_MODEL_stack"]}},
        "menu": {"state": {"index": 1}},
        "stack": {"state": {"children": ["IPY_MODEL_first", "IPY_MODEL_second"], "selected_index": 1}},
    }
    outputs = [
        new_output("display_data", {VIEW: {"model_id": "box"}, "text/plain": "VBox()"}),
        new_output("display_data", {VIEW: {"model_id": "explorer"}, "image/png": other, "text/plain": "text"}),
        new_output("display_data", {VIEW: {"model_id": "menu"}, "text/plain": "Menu()"}),
        new_output("display_data", {"text/plain": "no widget"}),
    ]
    notebook = new_notebook(
        metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"state": states}}},
        cells=[new_markdown_cell("prose"), new_code_cell("show()", outputs=outputs)],
    )
    page = bookbuild.still_page(notebook)
    assert [dict(output.data) for output in page.cells[1].outputs] == [
        {"image/png": picture}, {"text/markdown": bookbuild.STILL},
        {"image/png": other}, {"text/markdown": bookbuild.STILL},
        {"text/plain": "no widget"},
    ]
    assert "widgets" not in page.metadata and "widgets" in notebook.metadata
    nbformat.validate(page)


def test_without_assets_the_staged_pages_hold_no_widget(checkout):
    path = Run().notebook("06_generation")
    notebook = nbformat.read(path, as_version=4)
    widget = {VIEW: {"model_id": "explorer"}, "image/png": png_of(np.zeros((2, 2), np.uint8))}
    notebook.cells[-1].outputs = [new_output("display_data", widget)]
    nbformat.write(notebook, path)
    bookbuild.stage(Run(), checkout / "staged")
    page = nbformat.read(checkout / "staged" / "notebooks" / "06_generation.ipynb", as_version=4)
    assert [list(output.data) for output in page.cells[-1].outputs] == [["image/png"], ["text/markdown"]]


def test_a_chapter_that_was_not_executed_is_named(checkout):
    Run().notebook("04_pair_vae").unlink()
    with pytest.raises(MissingResult, match="make it with: pairvae run 04_pair_vae --profile quick$"):
        bookbuild.stage(Run(), checkout / "staged")
    assert not (checkout / "staged").exists()


def test_a_chapter_whose_code_has_changed_is_named(checkout):
    edit(checkout, "04_pair_vae", "_ = run", "_  = run")
    with pytest.raises(
        ValueError, match="^04_pair_vae: the code of the text differs .* pairvae run 04_pair_vae --profile"
    ):
        bookbuild.stage(Run(), checkout / "staged")


def test_a_failed_build_is_told(checkout, monkeypatch):
    monkeypatch.setattr(bookbuild.subprocess, "run", lambda *_, **__: bookbuild.subprocess.CompletedProcess([], 1))
    with pytest.raises(bookbuild.BookFailed, match="^jupyter-book ended with code 1"):
        bookbuild.build_book(Run())


def test_another_jupyter_book_is_refused(checkout, monkeypatch):
    monkeypatch.setattr(bookbuild, "version", lambda _: "2.1.0")
    with pytest.raises(bookbuild.BookFailed, match="^jupyter-book must be of version 1; got 2.1.0$"):
        bookbuild.build_book(Run())


def test_assets_are_laid_out_under_static(checkout):
    web = checkout / "book" / "web"
    (web / "setup.js").write_text("setup")
    for pattern in bookbuild.ASSETS.values():
        path = web / "node_modules" / pattern.replace("*", "one")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pattern)
    old = web / "static" / "_static" / "old.js"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    static = bookbuild.lay_out_assets() / "_static"
    assert {str(path.relative_to(static)) for path in static.rglob("*") if path.is_file()} == {
        "widgets/require.js",
        "widgets/setup.js",
        "widgets/embed-amd.js",
        "widgets/anywidget.js",
        "widgets/one.woff2",
        "explorer/ort.wasm.bundle.min.mjs",
        "explorer/ort.wasm.bundle.min.mjs.js",
        "explorer/ort-wasm-simd-threaded.wasm.gz",
        "explorer/ort-wasm-simd-threaded.wasm.gz.js",
        "mathjax/tex-mml-chtml.js",
        "mathjax/output/chtml/fonts/woff-v2/one.woff",
    }
    assert "anywidget" in (static / "widgets" / "anywidget.js").read_text()
    packed = (static / "explorer" / "ort-wasm-simd-threaded.wasm.gz").read_bytes()
    assert gzip.decompress(packed).decode() == bookbuild.ASSETS["explorer/ort-wasm-simd-threaded.wasm.gz"]


def test_a_script_defines_each_file_for_a_page_that_is_read_from_disk(tmp_path):
    (tmp_path / "models" / "one").mkdir(parents=True)
    (tmp_path / "models" / "one" / "a.onnx").write_bytes(b"\x00weights")
    bookbuild.define_files(tmp_path)
    script = (tmp_path / "models" / "one" / "a.onnx.js").read_text()
    name, held = re.fullmatch(r'\(globalThis.pairvaeFiles \?\?= {}\)\["(.+)"\] = "(.+)";\n', script).groups()
    assert (name, b64decode(held)) == ("models/one/a.onnx", b"\x00weights")
    assert len(list(tmp_path.rglob("*.js"))) == 1


def test_missing_assets_are_named_with_the_command(checkout):
    with pytest.raises(FileNotFoundError, match="^missing: .*require.js, .*; fetch them with: npm ci --prefix .*web$"):
        bookbuild.lay_out_assets()


def png_of(pixels):
    """A picture as notebooks hold it."""
    written = BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return b64encode(written.getvalue()).decode() + "\n"


def test_a_committed_picture_is_as_large_as_it_is_shown_and_of_few_colours():
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[:, 30:] = (200, 100, 50)
    output = new_output("display_data", {"image/png": png_of(pixels)}, metadata={"image/png": {"width": 30}})
    page = bookbuild.stripped(new_notebook(cells=[new_code_cell("draw()", outputs=[output])]))
    small = np.asarray(Image.open(BytesIO(b64decode(page.cells[0].outputs[0].data["image/png"]))).convert("RGB"))
    np.testing.assert_array_equal(small, pixels[::2, ::2])
    noise = np.random.default_rng(0).integers(256, size=(40, 60, 3), dtype=np.uint8)
    page = bookbuild.stripped(
        new_notebook(cells=[new_code_cell("", outputs=[new_output("display_data", {"image/png": png_of(noise)})])])
    )
    shown = Image.open(BytesIO(b64decode(page.cells[0].outputs[0].data["image/png"])))
    assert shown.size == (60, 40) and len(shown.convert("RGB").getcolors(2400)) <= bookbuild.PALETTE


def test_stripping_leaves_what_every_execution_has_in_common():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "random"}, "text/plain": "VBox()"}
    encoded = png_of(np.random.default_rng(0).integers(256, size=(40, 60, 3), dtype=np.uint8))
    picture = view | {"image/png": encoded}
    notebook = new_notebook(
        metadata={
            "papermill": {},
            "widgets": {},
            "language_info": {"name": "python", "version": "3.11.7"},
            "kernelspec": {"name": "python3", "display_name": "Python 3"},
            "jupytext": {},
        },
        cells=[
            new_markdown_cell("prose", metadata={"papermill": {}}),
            new_code_cell(
                "show()",
                metadata={"execution": {}, "papermill": {}, "tags": ["nbval-ignore-output"]},
                outputs=[new_output("display_data", view), new_output("display_data", picture)],
            ),
            new_code_cell("show()", outputs=[new_output("stream", text="1")]),
        ],
    )
    page = bookbuild.stripped(notebook)
    assert page.metadata == {
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "jupytext": {},
        "language_info": {"name": "python"},
    }
    assert [cell.metadata for cell in page.cells] == [{}, {"tags": ["nbval-ignore-output"]}, {}]
    (shown,) = page.cells[1].outputs
    assert set(shown.data) == {"text/plain", "image/png"}
    assert page.cells[2].outputs[0].text == "1"
    assert len({cell.id for cell in page.cells}) == 3
    assert [cell.id for cell in bookbuild.stripped(notebook).cells] == [cell.id for cell in page.cells]
    assert "papermill" in notebook.metadata  # what was handed over is as it was


def test_refreshing_writes_pairs_that_are_in_step(checkout):
    paths = bookbuild.refresh_notebooks(Run())
    assert [path.stem for path in paths] == list(chapter_names())
    for path in paths:
        pair, text = nbformat.read(path, as_version=4), chapter_text(path.stem)
        assert [cell.source for cell in pair.cells] == [cell.source for cell in text.cells]
        assert "papermill" not in pair.metadata
    before = paths[0].read_bytes()
    bookbuild.refresh_notebooks(Run())
    assert paths[0].read_bytes() == before


def test_committed_notebooks_show_the_parameters_of_the_texts(checkout):
    path = Run().notebook("03_solo_vae")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(4, new_code_cell("seed = 44", metadata={"tags": ["injected-parameters"]}))
    nbformat.write(notebook, path)
    with pytest.raises(ValueError, match="^03_solo_vae: committed notebooks show the parameters of the texts"):
        bookbuild.refresh_notebooks(Run())
    assert not list((checkout / "notebooks").glob("*.ipynb"))


class Links(HTMLParser):
    """Every href and src of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for key, value in attrs if key in ("href", "src") and value}


@pytest.mark.book
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_contents_is_there_and_its_local_links_lead_somewhere(name):
    path = HTML / f"{name}.html"
    assert path.is_file()
    links = Links()
    links.feed(path.read_text(encoding="utf-8"))
    local = {
        unquote(urlsplit(link).path) for link in links.found if not urlsplit(link).scheme and not link.startswith("#")
    }
    assert [link for link in local if link and not (path.parent / link).exists()] == []


@pytest.mark.book
def test_the_first_page_leads_to_the_introduction():
    assert f"{TOC['root']}.html" in (HTML / "index.html").read_text(encoding="utf-8")


@pytest.mark.book
@pytest.mark.parametrize("name", [page for page in PAGES if page.startswith("notebooks/")])
def test_a_chapter_shows_what_its_execution_gave(name):
    page = (HTML / f"{name}.html").read_text(encoding="utf-8")
    assert "cell_output" in page
    assert "Traceback (most recent call last)" not in unescape(page)


@pytest.mark.book
@pytest.mark.parametrize(
    "name",
    [f"notebooks/{name}" for name in ("02_preprocessing", "03_solo_vae", "04_pair_vae", "06_generation")],
)
def test_the_state_of_widgets_is_in_the_page(name):
    page = (HTML / f"{name}.html").read_text(encoding="utf-8")
    states = re.findall(r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', page, re.DOTALL)
    assert states and any(json.loads(state)["state"] for state in states)
    assert page.count('<img class="still"') >= 1  # for who runs no script


@pytest.mark.book
def test_a_book_without_a_public_address_has_no_launch_buttons():
    assert not yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    for name in PAGES:
        assert "mybinder.org" not in (HTML / f"{name}.html").read_text(encoding="utf-8")


@pytest.mark.book
def test_with_a_public_address_every_chapter_leads_to_binder_and_colab(tmp_path):
    config = yaml.safe_load((ROOT / "_build" / "source" / "_config.yml").read_text())
    config["repository"] = {"url": "https://github.com/someone/pairvae", "branch": "main"}
    config = bookbuild.with_launch_buttons(config)
    for key in (
        "html_extra_path", "mathjax_path", "nb_ipywidgets_js", "templates_path", "html_sidebars", "html_search_scorer"
    ):
        config["sphinx"]["config"].pop(key, None)
    config["sphinx"]["config"]["html_theme_options"].pop("footer_content_items")
    config["sphinx"].pop("local_extensions")
    config["html"].pop("favicon")
    config["bibtex_bibfiles"] = ["references.bib"]
    (tmp_path / "references.bib").write_text("")
    config["sphinx"]["config"].pop("html_static_path")
    name = "notebooks/01_data"
    page = new_notebook(
        cells=[new_markdown_cell("# Title"), new_code_cell("1")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    (tmp_path / "notebooks").mkdir()
    nbformat.write(page, tmp_path / f"{name}.ipynb")
    (tmp_path / "index.md").write_text("# Book\n")
    (tmp_path / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n  - file: {name}\n")
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(config))
    program = Path(sys.executable).with_name("jupyter-book")
    subprocess.run([program, "build", tmp_path, "-W", "-n", "--keep-going"], check=True, capture_output=True)
    links = Links()
    links.feed((tmp_path / "_build" / "html" / f"{name}.html").read_text(encoding="utf-8"))
    wanted = {
        f"https://mybinder.org/v2/gh/someone/pairvae/main?urlpath=lab/tree/{name}.ipynb",
        f"https://colab.research.google.com/github/someone/pairvae/blob/main/{name}.ipynb",
        "https://github.com/someone/pairvae",
    }
    assert wanted <= links.found
    assert (ROOT / f"{name}.ipynb").is_file()  # what those links lead to


@pytest.mark.book
@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.anchor)
def test_every_item_of_the_paper_has_an_anchor(item):
    assert f'id="{item.anchor}"' in (HTML / f"{item.page}.html").read_text(encoding="utf-8")
