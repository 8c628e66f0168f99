"""A checkout for tests: six chapters that run in a moment and write what the real ones write; and a full disk."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pairvae_lib.book import build as bookbuild, chapters, execute as runner, read as reading
from pairvae_lib.files import runs

TWO = 'profile: str = "quick"\ndata: str = "simulated"'
FIVE = 'profile: str = "quick"\nseed: int = 43\nn_train: int | None = None\ndata: str = "simulated"\nheld_out: str = ""'
RUN = "run = Run(profile, seed, n_train, data, held_out)\n"
CODE = {
    "01_data": """run = Run(profile, data=data)
run.data_folder.mkdir()
_ = (run.data_folder / "manifest.csv").write_text("1")""",
    "02_preprocessing": """run = Run(profile, data=data)
_ = run.pairs_file.write_text(run.data_folder.name)""",
    "03_solo_vae": RUN + "_ = run.solo_file.write_text(f'{seed} {n_train}')",
    "04_pair_vae": RUN + "_ = run.pair_file.write_text(run.solo_file.read_text())",
    "05_evaluation": RUN + "_ = run.errors_file.write_text('{}')",
    "06_generation": RUN + "_ = run.generation_file.write_text('')",
}


def chapter(name: str, code: str, parameters: str) -> str:
    """Text of a chapter."""
    return f"""---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# {name}

```{{code-cell}} ipython3
from pairvae_lib.files.runs import Run
```

```{{code-cell}} ipython3
:tags: [parameters]

{parameters}
```

Prose.

```{{code-cell}} ipython3
{code}
```
"""


def make_checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the chapters, and let the library take `root` for its checkout."""
    texts = root / "notebooks" / "text"
    texts.mkdir(parents=True)
    for name, code in CODE.items():
        (texts / f"{name}.md").write_text(chapter(name, code, FIVE if name >= "03" else TWO))
    for module in (bookbuild, chapters, reading, runner, runs):
        monkeypatch.setattr(module, "project_root", lambda: root)
    monkeypatch.setenv("PAIRVAE_RESULTS", str(root / "results"))
    return root


def edit(root: Path, name: str, old: str, new: str) -> None:
    """Change the text of a chapter."""
    path = root / "notebooks" / "text" / f"{name}.md"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The system refuses to write on where a file would grow beyond `size` bytes, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
