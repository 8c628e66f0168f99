"""The book: from texts and executed chapters to pages that ask no other host for anything.

What pages say of themselves (how they were built), and the ways from them to a running chapter, stand below.
"""

from __future__ import annotations

import gzip
import json
import platform
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns, rmtree
from typing import Any
from urllib.parse import urlsplit

import nbformat
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from PIL import Image

from pairvae_lib.book import comparison
from pairvae_lib.book.bands import bands, differences, noted
from pairvae_lib.book.chapters import chapter_names, chapter_text, paired_file, with_prose
from pairvae_lib.book.publish import commit_of
from pairvae_lib.claims.published import published_root
from pairvae_lib.files.runs import Run, project_root
from pairvae_lib.models.precision import processor

# What the pages load, by its place under _static: from the npm packages that `npm ci` puts into book/web/node_modules.
ASSETS: Mapping[str, str] = {
    "widgets/require.js": "requirejs/require.js",
    "widgets/embed-amd.js": "@jupyter-widgets/html-manager/dist/embed-amd.js",
    "widgets/*": "@jupyter-widgets/html-manager/dist/*.woff2",
    "explorer/ort.wasm.bundle.min.mjs": "onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
    "explorer/ort-wasm-simd-threaded.wasm.gz": "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
    "mathjax/tex-mml-chtml.js": "mathjax/es5/tex-mml-chtml.js",
    "mathjax/output/chtml/fonts/woff-v2/*": "mathjax/es5/output/chtml/fonts/woff-v2/*.woff",
}
# Settings without the files: no page asks another host for them, as it would by default.
_ASSET_SETTINGS = ("html_extra_path", "mathjax_path", "nb_ipywidgets_js")
_WITHOUT_ASSETS = {"nb_ipywidgets_js": {}, "html_math_renderer": "mathml"}  # the latter is in book/plain_formulas.py
CITATION = "CITATION.cff"  # shown by a page of the book
STATUS = "status.md"  # what was there when the book was built is appended to it
STRESS = "stress.json"  # among the published results: the table of `make stress`
PALETTE = 48  # colours of a picture in a committed notebook
# Whose versions the status page lists.
PACKAGES = (
    "pairvae_lib", "torch", "numpy", "scipy", "porespy", "scikit-image", "matplotlib", "ipywidgets", "anywidget",
    "papermill", "snakemake", "jupyter-book", "myst-nb", "sphinx", "sphinx-book-theme",
)  # fmt: skip
BINDER, COLAB = "https://mybinder.org", "https://colab.research.google.com"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
LABEL = re.compile(r"^\(([\w-]+)\)=$", re.MULTILINE)  # of a figure, in a chapter's text
STILL = (
    "*A still picture: this book was built without the files that move it. With `npm` and a network, `make assets` "
    "fetches them.*"
)


class BookFailed(RuntimeError):
    """The book could not be built, or its strict build found faults; they are printed above."""


def static_folder() -> Path:
    """Where the offline assets lie once they are laid out."""
    return project_root() / "book" / "web" / "static"


def has_assets() -> bool:
    """Whether the offline assets are laid out."""
    return (static_folder() / "_static").is_dir()


def lay_out_assets() -> Path:
    """Copy what the pages load from node_modules, from the installed anywidget, and from book/web to one folder."""
    web = project_root() / "book" / "web"
    wanted = dict(_copies(web))
    missing = [str(source) for source in wanted.values() if not source.is_file()]
    if missing:
        raise FileNotFoundError(f"missing: {', '.join(missing)}; fetch them with: npm ci --prefix {web}")
    rmtree(static_folder(), ignore_errors=True)
    for target, source in wanted.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".gz":
            target.write_bytes(gzip.compress(source.read_bytes(), mtime=0))
        else:
            copy2(source, target)
    define_files(static_folder() / "_static" / "explorer")
    return static_folder()


def define_files(folder: Path) -> None:
    """Beside every file below a folder, write a script that defines it.

    A page that is read from disk can load scripts, and nothing else.
    """
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            name, held = file.relative_to(folder).as_posix(), b64encode(file.read_bytes()).decode()
            script = f'(globalThis.pairvaeFiles ??= {{}})[{json.dumps(name)}] = "{held}";\n'
            file.with_name(f"{file.name}.js").write_text(script, encoding="utf-8")


def build_book(run: Run) -> Path:
    """Stage the sources with the executed chapters of a run, build them strictly, and give the book's first page.

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
    """Lay out in `source` what the book is built from; errors as of `build_book` and `repository_url`."""
    root = project_root()
    drawn = with_stills if has_assets() else still_page
    pages = {name: drawn(executed_page(run, name)) for name in chapter_names()}
    rmtree(source, ignore_errors=True)
    copytree(root / "book", source / "book", ignore=ignore_patterns("web", ".ipynb_checkpoints"))
    lay_out_comparison(run, source)
    (source / "notebooks").mkdir()
    for name, page in pages.items():
        nbformat.write(page, source / "notebooks" / f"{name}.ipynb")
    with (source / "book" / STATUS).open("a", encoding="utf-8") as file:
        file.write("\n" + status_tables(run, pages, commit_of(root)))
    for name in ("_toc.yml", CITATION):
        copy2(root / name, source)
    config = with_launch_buttons(yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8")))
    (source / "_config.yml").write_text(yaml.safe_dump(_staged(config, run, source), sort_keys=False), encoding="utf-8")


def lay_out_comparison(run: Run, source: Path) -> None:
    """Compute what the first page shows of the run's models, where that page includes it."""
    if comparison.FILE in (source / "book" / "index.md").read_text(encoding="utf-8"):
        sides = comparison.compared(run)
        html, script = comparison.comparison_html(sides), comparison.comparison_script(sides)
        (source / "book" / "images" / comparison.FILE).write_text(html, encoding="utf-8")
        (source / "book" / "style" / comparison.SCRIPT).write_text(script, encoding="utf-8")


def executed_page(run: Run, name: str) -> NotebookNode:
    """A chapter's text as it stands, with the outputs of its execution; ValueError if its code has changed since."""
    executed = nbformat.read(run.require(run.notebook(name), name), as_version=4)
    try:
        return with_prose(chapter_text(name), executed)
    except ValueError as error:
        raise ValueError(f"{name}: {error}; execute it with: {run.command(name)}") from None


def refresh_notebooks(run: Run) -> list[Path]:
    """Write the committed notebooks anew from the texts and the executed chapters of a run with their parameters."""
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
        cell.source = with_anchors(cell.source) if cell.cell_type == "markdown" else cell.source
        cell.metadata = {key: value for key, value in cell.metadata.items() if key not in ("papermill", "execution")}
        digest = sha256(cell.source.encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = f"{digest}-{seen[digest]}"
    return _with_outputs(page, _small)


def with_anchors(text: str) -> str:
    """Text in which the labels of figures are anchors of HTML, which a code host does not show: it knows no labels."""
    return LABEL.sub(r'<a id="\1"></a>', text)


def status_tables(run: Run, pages: Mapping[str, NotebookNode], commit: str, now: datetime | None = None) -> str:
    """What a built book was made with, and how long its executed chapters took by papermill's notes, as Markdown."""
    built = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    parts = {"built": built, "commit": commit.replace("-", " "), "processor": processor()}
    parts |= {"profile": run.profile, "seed": str(run.seed), "data": run.data_root.name}
    rows = [f"| {name} | {value} |" for name, value in parts.items()]
    lines = ["## This build", "", "| what | value |", "|---|---|", *rows, "", "## Chapters", ""]
    lines += ["| chapter | executed | run time [s] |", "|---|---|---:|"]
    seconds = []
    for name, page in pages.items():
        noted = page.metadata.get("papermill", {})
        duration = noted.get("duration")
        seconds += [] if duration is None else [duration]
        started = str(noted.get("start_time", "not noted"))[:16].replace("T", " ")
        lines.append(f"| [](../notebooks/{name}.ipynb) | {started} | {_one_digit(duration)} |")
    lines.append(f"| *together* | | {_one_digit(sum(seconds) if seconds else None)} |")
    lines += ["", "Where a model had been trained before, it was read from its file; the time is that of the rest.", ""]
    lines += number_lines(run, pages)
    lines += ["## Versions", "", "| package | version |", "|---|---|", f"| Python | {platform.python_version()} |"]
    lines += [f"| {name} | {version(name)} |" for name in PACKAGES]
    lines += [f"| system | {platform.system()}, {platform.machine()} |", *stress_lines()]
    return "\n".join(lines) + "\n"


def number_lines(run: Run, chapters: Iterable[str]) -> list[str]:
    """How the numbers of a run's chapters stand to those seen on other processors, as lines of Markdown."""
    rows, outside = [], []
    for name in chapters:
        found = noted(run, name)
        if found is not None:
            expected = bands(name)
            held = sum(band is not None for part in ("numbers", "conclusions") for band in expected[part].values())
            lines = differences(found, expected)
            same = {None: "", True: "the same bits", False: "other bits"}
            known = None if "weights" not in found else found["weights"] == expected.get("weights")
            arithmetic = found.get("arithmetic", "not noted")
            cells = (f"[](../notebooks/{name}.ipynb)", held, len(lines), arithmetic, same[known])
            rows.append(f"| {' | '.join(map(str, cells))} |")
            outside += [f"- {name}: {line}" for line in lines]
    if not rows:
        return []
    told = "What lies outside:" if outside else "Nothing lies outside."
    head = ["## Numbers", "", "Numbers and conclusions of the chapters against what was seen on other processors:"]
    table = ["", "| chapter | compared | outside | arithmetic | weights |", "|---|---:|---:|---|---|", *rows]
    return [*head, *table, "", told, "", *outside, *([""] if outside else [])]


def stress_lines() -> list[str]:
    """What the stress test has shown, by its published table, as lines of Markdown; none if there is no such table."""
    file = published_root() / STRESS
    if not file.is_file():
        return []
    table = json.loads(file.read_text(encoding="utf-8"))
    counts = ("tried", "killed", "faults")
    sums = {key: sum(row[key] for row in table["rows"]) for key in counts}
    cells = [" | ".join([row["row"], *(str(row[key]) for key in counts)]) for row in table["rows"]]
    commits = " and ".join(commit[:7] for commit in table["commits"])
    told = (
        f"`make stress` has killed every command, and fed it broken files, bombs, odd options and full disks: "
        f"{sums['tried']} trials in {table['minutes']:.0f} minutes, at commit {commits}, on {table['system']}, "
        f"{table['machine']}, with seed {table['seed']}. [](security.md) says what each of them must do."
    )
    head = ["", "## Stress test", "", told, "", "| trials | tried | killed | faults |", "|---|---:|---:|---:|"]
    return [*head, *(f"| {line} |" for line in cells), f"| *together* | {' | '.join(map(str, sums.values()))} |"]


def with_stills(page: NotebookNode) -> NotebookNode:
    """A chapter whose widgets have a picture beside them, for readers whose browser runs no script, and for print.

    The theme's style sheet of this book hides the picture where the widget is drawn.
    """

    def drawn(output: NotebookNode) -> list[NotebookNode]:
        data = output.get("data", {})
        if WIDGET_VIEW not in data or "image/png" not in data:
            return [output]
        alt = output.metadata.get("image/png", {}).get("alt", "First picture of the widget")
        source = "".join(data["image/png"].split())
        still = f'<img class="still" src="data:image/png;base64,{source}" alt="{escape(alt)}">'
        return [output, new_output("display_data", {"text/html": still})]

    return _with_outputs(page, drawn)


def still_page(page: NotebookNode) -> NotebookNode:
    """A page with the picture that each widget shows first in its place, and a line that says so, or nothing."""
    widgets = page.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})

    def drawn(output: NotebookNode) -> list[NotebookNode]:
        view = output.get("data", {}).get(WIDGET_VIEW)
        if view is None:
            return [output]
        picture = output.data.get("image/png") or _first_picture(widgets, view["model_id"])
        shown = ({"image/png": picture}, {"text/markdown": STILL}) if picture is not None else ()
        return [new_output("display_data", data) for data in shown]

    still = _with_outputs(page, drawn)
    still.metadata.pop("widgets", None)
    return still


def with_launch_buttons(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `_config.yml`, with buttons to Binder, Colab and the repository where `repository.url` is set.

    Without an address no page has a button that leads nowhere.
    """
    settings, url = deepcopy(dict(config)), repository_url(config)
    if url is None:
        settings.pop("repository", None)
        return settings
    colab = {"colab_url": COLAB} if urlsplit(url).hostname == "github.com" else {}
    return settings | {
        "repository": {"url": url, "branch": settings["repository"].get("branch") or "main"},
        "launch_buttons": {"notebook_interface": "jupyterlab", "binderhub_url": BINDER} | colab,
        "html": settings.get("html", {}) | {"use_repository_button": True},
    }


def repository_url(config: Mapping[str, Any]) -> str | None:
    """The public address that `_config.yml` names, or None; ValueError if it is not https://HOST/OWNER/NAME."""
    url = str((config.get("repository") or {}).get("url") or "").strip().rstrip("/").removesuffix(".git")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or len([part for part in parts.path.split("/") if part]) < 2:
        raise ValueError(f"repository.url in _config.yml must be https://HOST/OWNER/NAME, or empty; got {url!r}")
    return url


def colab_cell(url: str, chapter: str) -> NotebookNode:
    """The first cell of a committed chapter: on Colab, which holds nothing but the notebook, it fetches the rest.

    What the chapter reads is made by running it once.
    """
    folder = url.rsplit("/", 1)[-1]
    source = f"""import sys

if "google.colab" in sys.modules:
    !git clone --quiet --depth 1 {url} && cd {folder} && pip install --quiet -e . anywidget
    sys.path.insert(0, {json.dumps(f"/content/{folder}")})
    !cd {folder} && pairvae run {chapter}"""
    return new_code_cell(source, id="colab", metadata={"tags": ["colab", "remove-cell"]})


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
    if "html_search_scorer" in sphinx:  # Sphinx looks for it from the working directory
        sphinx["html_search_scorer"] = str(source / sphinx["html_search_scorer"])
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
    folders = {"06_generation": run.explorer_folder, "07_your_data": run.curves_explorer_folder}
    for name, folder in (folders | {"08_beyond": run.flow_explorer_folder}).items():
        copytree(run.require(folder, name), extra / "_static" / "explorer" / "models", dirs_exist_ok=True)
    define_files(extra / "_static" / "explorer")
    return extra


def _with_outputs(page: NotebookNode, drawn: Callable[[NotebookNode], list[NotebookNode]]) -> NotebookNode:
    """A copy of a page with what is drawn for each of its outputs in place of that."""
    page = deepcopy(page)
    for cell in page.cells:
        if "outputs" in cell:
            cell.outputs = [new for output in cell.outputs for new in drawn(output)]
    return page


def _small(output: NotebookNode) -> list[NotebookNode]:
    """An output that a reader can use, without a widget's view; pictures in few colours, no larger than shown."""
    data = output.get("data", {})
    if data.pop(WIDGET_VIEW, None) is not None and not set(data) - {"text/plain"}:
        return []
    encoded = data.get("image/png")
    if encoded is None:
        return [output]
    picture: Image.Image = Image.open(BytesIO(b64decode(encoded))).convert("RGB")
    shown_at = output.get("metadata", {}).get("image/png", {}).get("width", picture.width)
    small = picture.reduce(max(1, picture.width // shown_at)).quantize(PALETTE, dither=Image.Dither.NONE)
    written = BytesIO()
    small.save(written, "PNG", optimize=True)
    data["image/png"] = b64encode(written.getvalue()).decode() + "\n"
    return [output]


def _one_digit(seconds: float | None) -> str:
    """Seconds for a table."""
    return "not noted" if seconds is None else f"{seconds:.1f}"


def _first_picture(widgets: Mapping[str, Any], model_id: str) -> str | None:
    """The PNG file, in base64, that a widget of these states shows before anyone moves it."""
    state = widgets.get(model_id, {}).get("state", {})
    found = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", str(state.get("value", "")))
    if found:
        return found[1]
    children = [str(child).removeprefix("IPY_MODEL_") for child in state.get("children", ())]
    shown = state.get("selected_index")
    pictures = (_first_picture(widgets, child) for child in (children if shown is None else children[shown:shown + 1]))
    return next((picture for picture in pictures if picture is not None), None)
