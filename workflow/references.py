"""Run the quick chapters under several arithmetics and from perturbed starts, and write notebooks/reference.json.

    python workflow/references.py [--jobs 2] [--folder results/references] [--add] [--only fixed own ...]

What has been run in FOLDER by the present code is kept, so the same line goes on where it was stopped. Every number
then has the range that was seen, and the band that `pairvae_lib.book.bands` describes. With --add the ranges that are
there already, from other processors, are widened; else they are replaced. The printed table has, of every chapter, how
many numbers and conclusions are held, and how wide the bands are.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pairvae_lib.book.bands import merged, noted, reference_file, seen, seen_so_far, widened
from pairvae_lib.book.chapters import chapter_names
from pairvae_lib.files.arrays import write_json
from pairvae_lib.files.runs import Run, project_root, results_root
from pairvae_lib.files.writing import replacing
from pairvae_lib.models.precision import ARITHMETIC

START, THREADS = "PAIRVAE_PERTURBED_START", "PAIRVAE_THREADS"  # read by STARTUP alone
OWN = {ARITHMETIC: "own"}
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "fixed": {},  # the first: that of the committed notebooks
    "own": OWN,
    "avx2": OWN | {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "sse41": OWN | {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"},
    "start1": {START: "1"},
    "start2": {START: "2"},
    "start3": {START: "3"},
    "two_threads": OWN | {THREADS: "2"},
}
PUBLISHED = ("07_your_data", "09_claims")  # show what is published, or note nothing: run in the first variant alone
MADE_WITH = ("torch", "numpy", "scipy", "scikit-image")

# What a chapter's kernel runs first. A perturbed start: every weight, as training begins, times 1 + a rounding error.
STARTUP = f'''
import os

if "{THREADS}" in os.environ:
    import torch

    torch.set_num_threads(int(os.environ["{THREADS}"]))
    torch.set_num_threads = lambda _: None

if "{START}" in os.environ:
    import torch

    def perturbed(self, *given, begin=torch.optim.Optimizer.__init__, **named):
        begin(self, *given, **named)
        rng = torch.Generator().manual_seed(int(os.environ["{START}"]))
        with torch.no_grad():
            for weight in (weight for group in self.param_groups for weight in group["params"]):
                noise = 2 * torch.rand(weight.shape, generator=rng) - 1
                weight *= 1 + torch.finfo(weight.dtype).eps * noise

    torch.optim.Optimizer.__init__ = perturbed
'''


def targets(name: str, results: Path) -> list[str]:
    """The executed chapters of one variant, whose results lie in that folder, as the workflow names them."""
    of_this = Run().data_root.relative_to(results_root())
    wanted = [chapter for chapter in chapter_names() if name == next(iter(VARIANTS)) or chapter not in PUBLISHED]
    files = [results / of_this / Run().notebook(chapter).relative_to(Run().data_root) for chapter in wanted]
    return [str(file.relative_to(project_root()) if file.is_relative_to(project_root()) else file) for file in files]


def run_variant(name: str, folder: Path) -> int:
    """Run the chapters of one variant that are missing or out of date; the exit status."""
    results = folder / name
    startup = results / "ipython" / "profile_default" / "startup" / "00-variant.py"
    with replacing(startup) as file:
        file.write(STARTUP.encode())
    environment = os.environ | VARIANTS[name]
    environment |= {"PAIRVAE_RESULTS": str(results), "IPYTHONDIR": str(results / "ipython")}
    words = [sys.executable, "-m", "snakemake", "--cores", "1", *targets(name, results)]
    with (results / "run.log").open("w") as log:
        done = subprocess.run(words, cwd=project_root(), env=environment, stdout=log, stderr=log, check=False)
    print(f"{name}: {'done' if done.returncode == 0 else f'failed, see {log.name}'}", flush=True)
    return done.returncode


def noted_by(name: str, folder: Path) -> dict[str, dict[str, Any]]:
    """What the chapters of a variant have noted, by chapter."""
    os.environ["PAIRVAE_RESULTS"] = str(folder / name)
    found = {chapter: noted(Run(), chapter) for chapter in chapter_names()}
    return {chapter: content for chapter, content in found.items() if content is not None}


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing, write the bands, and print a table of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="variants at a time, one thread each (default: 2)")
    parser.add_argument("--folder", type=Path, default=results_root() / "references", help="where the runs lie")
    parser.add_argument("--add", action="store_true", help="widen the ranges that are there, seen on other processors")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=VARIANTS, help="variants, beside the first")
    given = parser.parse_args(words)
    if given.only is not VARIANTS and not given.add:
        parser.error("--only goes with --add: without it, the ranges would be those of fewer runs")
    folder = given.folder.resolve()
    chosen = [name for name in VARIANTS if name in given.only or name == next(iter(VARIANTS))]
    alone = [name for name in chosen if THREADS in VARIANTS[name]]  # threads that wait for a core take far longer
    with ThreadPoolExecutor(given.jobs) as pool:
        failed = any(pool.map(lambda name: run_variant(name, folder), [name for name in chosen if name not in alone]))
    if failed or any(run_variant(name, folder) for name in alone):
        return 1
    found = [noted_by(name, folder) for name in chosen]
    before = seen_so_far() if given.add else {}
    chapters = {}
    for name, content in found[0].items():
        known = [before[name]] if name in before else []
        chapters[name] = merged([*known, *(seen(run[name]) for run in found if name in run)])
        chapters[name] |= {key: content[key] for key in ("weights",) if key in content} | {"fixed": content["numbers"]}
    write_json(reference_file(), {"made_with": {name: version(name) for name in MADE_WITH}, "chapters": chapters})
    print_table(chapters)
    return 0


def print_table(chapters: Mapping[str, Mapping[str, Any]]) -> None:
    """Of every chapter: numbers held of those noted, conclusions likewise, and half widths of the bands in percent."""
    print(f"{'chapter':18s} {'numbers':>10s} {'conclusions':>12s} {'half width, median':>19s} {'largest':>8s}")
    for name, known in chapters.items():
        content = widened(known)
        held_in = [band for band in content["numbers"].values() if band is not None]
        usual = [answer for answer in content["conclusions"].values() if answer is not None]
        widths = [100 * (high - low) / abs(high + low) for low, high in held_in] or [0.0]
        held = f"{len(held_in)}/{len(content['numbers'])}"
        same = f"{len(usual)}/{len(content['conclusions'])}"
        print(f"{name:18s} {held:>10s} {same:>12s} {statistics.median(widths):17.1f} % {max(widths):6.1f} %")


if __name__ == "__main__":
    sys.exit(main())
