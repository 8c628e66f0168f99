"""The book: from texts and executed chapters to pages that ask no other host for anything."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns, rmtree
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode
from PIL import Image

from pairvae_lib.book.chapters import chapter_names, chapter_text, paired_file, with_prose
from pairvae_lib.book.pages import (
    WIDGET_VIEW,
    colab_cell,
    repository_url,
    status_tables,
    still_page,
    with_launch_buttons,
    with_stills,
)
from pairvae_lib.book.publish import commit_of
from pairvae_lib.runs import Run, project_root

# What the pages load, by its place under _static: from the npm packages that `npm ci` puts into book/web/node_modules.
ASSETS: Mapping[str, str] = {
    "widgets/require.js": "requirejs/require.js",
    "widgets/embed-amd.js": "@jupyter-widgets/html-manager/dist/embed-amd.js",
    "widgets/*": "@jupyter-widgets/html-manager/dist/*.woff2",
    "explorer/ort.wasm.bundle.min.mjs": "onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
    "explorer/ort-wasm-simd-threaded.wasm": "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
    "mathjax/tex-mml-chtml.js": "mathjax/es5/tex-mml-chtml.js",
    "mathjax/output/chtml/fonts/woff-v2/*": "mathjax/es5/output/chtml/fonts/woff-v2/*.woff",
}
# Settings without the files: no page asks another host for them, as it would by default.
_ASSET_SETTINGS = ("html_extra_path", "mathjax_path", "nb_ipywidgets_js")
_WITHOUT_ASSETS = {"nb_ipywidgets_js": {}, "html_math_renderer": "mathml"}  # the latter is in book/plain_formulas.py
CITATION = "CITATION.cff"  # shown by a page of the book
STATUS = "status.md"  # what was there when the book was built is appended to it
PALETTE = 48  # colours of a picture in a committed notebook


class BookFailed(RuntimeError):
    """The book could not be built, or its strict build found faults; they are printed above."""


def static_folder() -> Path:
    """Where the offline assets lie once they are laid out."""
    return project_root() / "book" / "web" / "static"


def has_assets() -> bool:
    """Whether the offline assets are laid out."""
    return (static_folder() / "_static").is_dir()


def lay_out_assets() -> Path:
    """Copy what the pages load from node_modules, from the installed anywidget, and from book/web to one folder.

    Raises
    ------
    FileNotFoundError
        If a file is missing, with the command that fetches it.
    """
    web = project_root() / "book" / "web"
    wanted = dict(_copies(web))
    missing = [str(source) for source in wanted.values() if not source.is_file()]
    if missing:
        raise FileNotFoundError(f"missing: {', '.join(missing)}; fetch them with: npm ci --prefix {web}")
    rmtree(static_folder(), ignore_errors=True)
    for target, source in wanted.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        copy2(source, target)
    return static_folder()


def build_book(run: Run) -> Path:
    """Stage the sources with the executed chapters of a run, and build them strictly.

    Parameters
    ----------
    run : Run
        Whose chapters the book shows.

    Returns
    -------
    Path
        The book's first page.

    Raises
    ------
    MissingResult
        If a chapter has not been executed.
    ValueError
        If the code of a chapter's text is not the code that was executed.
    BookFailed
        If the build finds a fault.
    """
    root = project_root()
    if not version("jupyter-book").startswith("1."):
        raise BookFailed(f"jupyter-book must be of version 1; got {version('jupyter-book')}")
    source = root / "_build" / "source"
    stage(run, source)
    rmtree(root / "_build" / "html", ignore_errors=True)
    program = str(Path(sys.executable).with_name("jupyter-book"))
    options = ["--path-output", str(root), "--all", "-W", "-n", "--keep-going"]
    built = subprocess.run([program, "build", str(source), *options], check=False)
    index = root / "_build" / "html" / "index.html"
    if built.returncode != 0 or not index.is_file():
        raise BookFailed(f"jupyter-book ended with code {built.returncode}; its messages stand above")
    return index


def stage(run: Run, source: Path) -> None:
    """Lay out in `source` what the book is built from.

    Raises
    ------
    MissingResult, ValueError
        As `build_book`; also if `repository.url` of _config.yml is no address.
    """
    root = project_root()
    pages = {name: executed_page(run, name) for name in chapter_names()}
    drawn = with_stills if has_assets() else still_page
    pages = {name: drawn(page) for name, page in pages.items()}
    rmtree(source, ignore_errors=True)
    copytree(root / "book", source / "book", ignore=ignore_patterns("web", ".ipynb_checkpoints"))
    (source / "notebooks").mkdir()
    for name, page in pages.items():
        nbformat.write(page, source / "notebooks" / f"{name}.ipynb")
    with (source / "book" / STATUS).open("a", encoding="utf-8") as file:
        file.write("\n" + status_tables(run, pages, commit_of(root)))
    for name in ("_toc.yml", CITATION):
        copy2(root / name, source)
    config = with_launch_buttons(yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8")))
    (source / "_config.yml").write_text(yaml.safe_dump(_staged(config, run, source), sort_keys=False), encoding="utf-8")


def executed_page(run: Run, name: str) -> NotebookNode:
    """A chapter's text as it stands, with the outputs of its execution.

    Raises
    ------
    MissingResult
        If the chapter has not been executed.
    ValueError
        If its code has changed since.
    """
    executed = nbformat.read(run.require(run.notebook(name), name), as_version=4)
    try:
        return with_prose(chapter_text(name), executed)
    except ValueError as error:
        raise ValueError(f"{name}: {error}; execute it with: {run.command(name)}") from None


def refresh_notebooks(run: Run) -> list[Path]:
    """Write the committed notebooks anew from the texts and the executed chapters of a run.

    Raises
    ------
    MissingResult, ValueError
        As `executed_page`; also if the run has other parameters than the texts, or `repository.url` is no address.
    """
    pages = {name: stripped(executed_page(run, name)) for name in chapter_names()}
    for name, page in pages.items():
        if any("injected-parameters" in cell.metadata.get("tags", ()) for cell in page.cells):
            raise ValueError(f"{name}: committed notebooks show the parameters of the texts; got a run with others")
    url = repository_url(yaml.safe_load((project_root() / "_config.yml").read_text(encoding="utf-8")))
    for name, page in pages.items():
        if url is not None:
            page.cells.insert(1, colab_cell(url, name))
        nbformat.write(page, paired_file(name))
    return [paired_file(name) for name in pages]


def stripped(notebook: NotebookNode) -> NotebookNode:
    """A notebook as it is committed: without times, random ids and states of widgets, and with small pictures."""
    page = nbformat.from_dict(notebook)
    kept = ("jupytext", "kernelspec", "language_info")
    page.metadata = {key: value for key, value in page.metadata.items() if key in kept}
    page.metadata.get("language_info", {}).pop("version", None)
    seen: dict[str, int] = {}
    for cell in page.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key not in ("papermill", "execution")}
        digest = sha256(cell.source.encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = f"{digest}-{seen[digest]}"
        if cell.cell_type == "code":
            without = [output for output in map(_without_widget, cell.outputs) if output is not None]
            cell.outputs = [_with_small_picture(output) for output in without]
    return page


def _copies(web: Path) -> Iterator[tuple[Path, Path]]:
    """Every asset as (target, source)."""
    static = web / "static" / "_static"
    for target, pattern in ASSETS.items():
        sources = sorted((web / "node_modules").glob(pattern)) or [web / "node_modules" / pattern]
        for source in sources:
            yield static / target.replace("*", source.name), source
    yield static / "widgets" / "setup.js", web / "setup.js"
    spec = find_spec("anywidget")
    if spec is not None and spec.origin is not None:
        yield static / "widgets" / "anywidget.js", Path(spec.origin).parent / "nbextension" / "index.js"


def _staged(config: dict[str, Any], run: Run, source: Path) -> dict[str, Any]:
    """The book's configuration, for sources that lie in another folder."""
    sphinx = config.get("sphinx", {}).get("config", {})
    if has_assets():
        sphinx["html_extra_path"] = [str(static_folder()), str(_explorer_models(run, source))]
        return config
    print("no offline assets (see `make assets`): widgets will be still pictures, and formulas plain MathML")
    for key in _ASSET_SETTINGS:
        sphinx.pop(key, None)
    sphinx |= _WITHOUT_ASSETS
    return config


def _explorer_models(run: Run, source: Path) -> Path:
    """Lay out what the explorers of the run load; not within the sources, where files would become pages."""
    extra = source.with_name(f"{source.name}-explorer")
    rmtree(extra, ignore_errors=True)
    for folder, name in ((run.explorer_folder, "06_generation"), (run.flow_explorer_folder, "08_beyond")):
        copytree(run.require(folder, name), extra / "_static" / "explorer" / "models", dirs_exist_ok=True)
    return extra


def _with_small_picture(output: NotebookNode) -> NotebookNode:
    """An output with its picture in fewer colours, and at the size that it is shown at."""
    encoded = output.get("data", {}).get("image/png")
    if encoded is None:
        return output
    picture: Image.Image = Image.open(BytesIO(b64decode(encoded))).convert("RGB")
    shown_at = output.get("metadata", {}).get("image/png", {}).get("width", picture.width)
    small = picture.reduce(max(1, picture.width // shown_at)).quantize(PALETTE, dither=Image.Dither.NONE)
    written = BytesIO()
    small.save(written, "PNG", optimize=True)
    output.data["image/png"] = b64encode(written.getvalue()).decode() + "\n"
    return output


def _without_widget(output: NotebookNode) -> NotebookNode | None:
    """An output without the view of a widget, or None if nothing that a reader can use remains."""
    if WIDGET_VIEW not in output.get("data", {}):
        return output
    del output.data[WIDGET_VIEW]
    return output if set(output.data) - {"text/plain"} else None
