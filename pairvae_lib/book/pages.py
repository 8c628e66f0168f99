"""What pages say of themselves, and the ways from them to a running chapter: status, stills, launch buttons."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from pairvae_lib.book.bands import bands, differences, noted
from pairvae_lib.models.precision import processor
from pairvae_lib.runs import Run

# Whose versions the status page lists.
PACKAGES = (
    "pairvae_lib", "torch", "numpy", "scipy", "porespy", "scikit-image", "matplotlib", "ipywidgets", "anywidget",
    "papermill", "snakemake", "jupyter-book", "myst-nb", "sphinx", "sphinx-book-theme",
)  # fmt: skip
BINDER, COLAB = "https://mybinder.org", "https://colab.research.google.com"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
STILL = (
    "*A still picture: this book was built without the files that move it. With `npm` and a network, `make assets` "
    "fetches them.*"
)


def status_tables(run: Run, pages: Mapping[str, NotebookNode], commit: str, now: datetime | None = None) -> str:
    """What a built book was made with and how long its chapters took, as Markdown.

    Parameters
    ----------
    run : Run
        Whose chapters the book shows.
    pages : mapping of chapter name to NotebookNode
        The executed chapters, with what papermill noted.
    commit : str
        Of the checkout that the book is built in.
    now : datetime, optional
        The time of the build; the present if not given.

    Returns
    -------
    str
    """
    built = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    parts = {"built": built, "commit": commit, "processor": processor()}
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
    return "\n".join([*lines, f"| system | {platform.system()}, {platform.machine()} |"]) + "\n"


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


def with_stills(page: NotebookNode) -> NotebookNode:
    """A chapter whose widgets have a picture beside them, for readers whose browser runs no script, and for print.

    The theme's style sheet of this book hides the picture where the widget is drawn.
    """
    page = deepcopy(page)
    for cell in page.cells:
        outputs = []
        for output in cell.get("outputs", ()):
            outputs.append(output)
            data = output.get("data", {})
            if WIDGET_VIEW in data and "image/png" in data:
                alt = output.metadata.get("image/png", {}).get("alt", "First picture of the widget")
                source = "".join(data["image/png"].split())
                still = f'<img class="still" src="data:image/png;base64,{source}" alt="{escape(alt)}">'
                outputs.append(new_output("display_data", {"text/html": still}))
        if outputs:
            cell.outputs = outputs
    return page


def still_page(page: NotebookNode) -> NotebookNode:
    """A page whose widgets are still pictures, each with a line that says so.

    Parameters
    ----------
    page : NotebookNode
        An executed chapter, with the state of its widgets.

    Returns
    -------
    NotebookNode
        Of every widget the picture that it shows first; a widget without one is left out.
    """
    still = deepcopy(page)
    widgets = still.metadata.pop("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for cell in still.cells:
        outputs: list[NotebookNode] = []
        for output in cell.get("outputs", ()):
            view = output.get("data", {}).get(WIDGET_VIEW)
            if view is None:
                outputs.append(output)
                continue
            picture = output.data.get("image/png") or _first_picture(widgets, view["model_id"])
            if picture is not None:
                outputs.append(new_output("display_data", {"image/png": picture}))
                outputs.append(new_output("display_data", {"text/markdown": STILL}))
        if "outputs" in cell:
            cell.outputs = outputs
    return still


def with_launch_buttons(config: Mapping[str, Any]) -> dict[str, Any]:
    """The book's settings, with buttons to Binder, Colab and the repository where `repository.url` is set.

    Parameters
    ----------
    config : mapping
        As `_config.yml` has it.

    Returns
    -------
    dict
        Without an address no page has a button that leads nowhere.

    Raises
    ------
    ValueError
        If the address is not that of a repository, https://HOST/OWNER/NAME.
    """
    settings = deepcopy(dict(config))
    url = repository_url(config)
    if url is None:
        settings.pop("repository", None)
        return settings
    buttons = {"notebook_interface": "jupyterlab", "binderhub_url": BINDER}
    if urlsplit(url).hostname == "github.com":
        buttons["colab_url"] = COLAB
    branch = settings["repository"].get("branch") or "main"
    settings["repository"] = {"url": url, "branch": branch}
    settings["launch_buttons"] = buttons
    settings["html"] = settings.get("html", {}) | {"use_repository_button": True}
    return settings


def repository_url(config: Mapping[str, Any]) -> str | None:
    """The public address that `_config.yml` names, or None if it names none.

    Raises
    ------
    ValueError
        As `with_launch_buttons`.
    """
    url = str((config.get("repository") or {}).get("url") or "").strip().rstrip("/").removesuffix(".git")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or len([part for part in parts.path.split("/") if part]) < 2:
        raise ValueError(f"repository.url in _config.yml must be https://HOST/OWNER/NAME, or empty; got {url!r}")
    return url


def colab_cell(url: str, chapter: str) -> NotebookNode:
    """The first cell of a committed chapter: on Colab, which holds nothing but the notebook, it fetches the rest.

    Parameters
    ----------
    url : str
        Public address of the repository.
    chapter : str
        Name of the chapter; what it reads is made by running it once.
    """
    folder = url.rsplit("/", 1)[-1]
    source = f"""import sys

if "google.colab" in sys.modules:
    !git clone --quiet --depth 1 {url} && cd {folder} && pip install --quiet -e . anywidget
    sys.path.insert(0, {json.dumps(f"/content/{folder}")})
    !cd {folder} && pairvae run {chapter}"""
    return new_code_cell(source, id="colab", metadata={"tags": ["colab", "remove-cell"]})


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
