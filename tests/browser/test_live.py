"""The chapter's explorer in JupyterLab: the same cells and the same front end, with files from the kernel."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser

from pairvae_lib.book.chapters import chapter_text, code_of
from pairvae_lib.files.runs import Run

pytestmark = pytest.mark.browser

NEEDED = ("import ", "profile: str", "run = Run(", "latent_explorer(")
# Not awaited: if the kernel dies, the wait for what the cells show ends, and a promise would not.
MOVES = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"


def explorer_notebook() -> nbformat.NotebookNode:
    """Of chapter 6 the cells that the explorer needs, none changed."""
    code = code_of(chapter_text("06_generation"))
    chosen = [source for source in code if any(part in source for part in NEEDED)]
    assert len(chosen) == len(NEEDED)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=[new_code_cell(source) for source in chosen], metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[str]:
    """Address of the notebook in a JupyterLab; its results are a copy, since the cell writes some."""
    folder = tmp_path_factory.mktemp("lab")
    run = Run()
    results = folder / "results"
    copytree(run.data_root, results / run.data_root.relative_to(run.data_root.parents[1]))
    nbformat.write(explorer_notebook(), folder / "explorer.ipynb")
    token = secrets.token_hex(16)
    environment = os.environ | {
        "PAIRVAE_RESULTS": str(results), "JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
    options = [
        "--no-browser", "--expose-app-in-browser", "--allow-root", f"--ServerApp.root_dir={folder}",
        f"--IdentityProvider.token={token}", "--ServerApp.port=0", "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options], env=environment, cwd=folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        yield f"{ready_address(server, folder / 'runtime')}/lab/tree/explorer.ipynb?token={token}"
    finally:
        server.terminate()
        server.wait(20)


def ready_address(server: subprocess.Popen[bytes], runtime: Path, seconds: float = 60) -> str:
    """Where the server answers, by the file that it leaves for those who look for it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            try:
                address = f"http://localhost:{json.loads(file.read_text())['port']}"
                urlopen(f"{address}/api", timeout=5).close()
                return address
            except (ValueError, KeyError, URLError, OSError):
                pass
        time.sleep(0.3)
    raise AssertionError(f"JupyterLab did not come up; it ended with {server.poll()}")


def test_the_chapters_explorer_moves_in_a_live_notebook(browser: Browser, lab: str):
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(lab)
    page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
    page.locator(".jp-Notebook .jp-Cell").nth(len(NEEDED) - 1).wait_for(timeout=60_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for(timeout=60_000)
    page.evaluate(MOVES)
    root = page.locator(".pairvae-explorer")
    root.wait_for(timeout=90_000)
    root.scroll_into_view_if_needed()
    page.wait_for_selector(".pairvae-explorer[data-state=ready]", timeout=60_000)
    part = root.locator(".pairvae-panel").first
    slider, canvas = part.get_by_label("Direction 1", exact=True), part.locator("canvas").nth(1)
    before, runs = canvas.evaluate("one => one.toDataURL()"), int(root.get_attribute("data-runs"))
    cell = page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    slider.focus()
    for _ in range(3):  # arrow keys are JupyterLab's own, unless told otherwise
        slider.press("ArrowRight")
    page.wait_for_function(f"document.querySelector('.pairvae-explorer').dataset.runs > {runs}", timeout=20_000)
    assert slider.input_value() == "0.3"
    assert page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex") == cell
    assert canvas.evaluate("one => one.toDataURL()") != before
    page.close()
