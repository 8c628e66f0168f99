"""Time of one frame of the latent explorer in Chromium: `python -m benchmarks.explorer`.

The decoders of the quick and of the paper's profile, with weights as they come: their time does not depend on them.
One key press after the other, each waited for; a row's times are medians.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from pairvae_lib.book.build import static_folder
from pairvae_lib.book.explorer.examples import Exploration, write_exploration
from pairvae_lib.book.explorer.widget import FRONT_END
from pairvae_lib.config import PROFILES
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.pairs import Measurements, PreparedPairs
from pairvae_lib.models.pairvae import PairVAE, fresh_vae
from pairvae_lib.models.protocol import split_pairs

PAGE = """<!doctype html>
<html lang="en" data-content_root="./">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Explorer</title>
<link rel="stylesheet" href="explorer.css">
<div id="place"></div>
<script type="module">
import explorer from "./explorer.js";
const values = {values};
const model = {{ get: name => values[name] ?? new Uint8Array() }};
explorer.render({{ model, el: document.getElementById("place") }});
</script>
</html>
"""


def write_page(folder: Path, models: Mapping[str, Path]) -> None:
    """A page that holds an explorer and nothing else, with all that it loads.

    Parameters
    ----------
    folder : Path
    models : mapping of label to Path
        What `write_exploration` or `write_flow_exploration` wrote.
    """
    assets = folder / "_static" / "explorer"
    shutil.copytree(static_folder() / "_static" / "explorer", assets)
    for path in models.values():
        shutil.copytree(path, assets / "models" / path.name)
    shutil.copytree(FRONT_END, folder, dirs_exist_ok=True)
    entries = [{"label": label, "folder": f"models/{path.name}"} for label, path in models.items()]
    values = {"models": entries, "poster_text": "nothing yet", "message": ""}
    (folder / "index.html").write_text(PAGE.format(values=json.dumps(values)), encoding="utf-8")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on a server that lives as long as the block."""
    with ThreadingHTTPServer(("localhost", 0), partial(_Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def untrained(profile_name: str) -> tuple[PairVAE, Exploration]:
    """A PairVAE of a profile's sizes with fresh weights, and random pairs to explore."""
    profile, rng = PROFILES[profile_name], np.random.default_rng(0)
    side = profile.image_size
    modalities = (Modality("saxs", (side, side), "pattern"), Modality("sem", (side, side), "mask"))
    pairs = PreparedPairs(
        sample_ids=tuple("abcdefghijkl"),
        morphologies=("one",) * 12,
        groups=None,
        measured=(
            Measurements(modalities[0], rng.random((12, 1, side, side), dtype=np.float32)),
            Measurements(modalities[1], tuple(rng.random((12, side, side)) < 0.4)),
        ),
    )
    model = PairVAE(*(fresh_vae(modality, profile, 0) for modality in modalities)).eval()
    return model, Exploration.of(model, pairs, split_pairs(pairs, 0), rng)


def frame_times(page: Page, route: str, frames: int) -> dict[str, float]:
    """Median times [ms] of frames after a key press: until the picture is drawn, and until its statistics are.

    Parameters
    ----------
    page : Page
        With an explorer that is ready.
    route : str
        As in `data-route`, e.g. "saxs_to_sem".
    frames : int
    """
    panel = page.locator(f".pairvae-panel[data-route={route}]")
    root, slider = page.locator(".pairvae-explorer"), panel.locator("input").first
    slider.focus()
    times: dict[str, list[float]] = {"picture": [], "frame": []}
    for k in range(frames):
        runs = int(root.get_attribute("data-runs"))
        slider.press("ArrowRight" if k % 20 < 10 else "ArrowLeft")
        page.wait_for_function(f"document.querySelector('.pairvae-explorer').dataset.runs > {runs}")
        for name, values in times.items():
            values.append(float(panel.get_attribute(f"data-{name}")))
    return {name: statistics.median(values) for name, values in times.items()}


def opened(browser: Browser, address: str) -> Page:
    """The page of `write_page`, with an explorer that is ready."""
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector(".pairvae-explorer[data-state=ready]", timeout=60_000)
    return page


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    print(f"{'profile':10s} {'route':14s} {'picture [ms]':>13s} {'with statistics [ms]':>21s}")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for name in ("quick", "standard", "paper"):
            folder = Path(temporary) / name
            folder.mkdir()
            write_page(folder, {name: write_exploration(Path(temporary) / "written" / name, *untrained(name))})
            with served(folder) as address:
                page = opened(browser, address)
                for route in ("saxs_to_sem", "sem_to_saxs"):
                    times = frame_times(page, route, options.frames)
                    print(f"{name:10s} {route:14s} {times['picture']:13.1f} {times['frame']:21.1f}", flush=True)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
