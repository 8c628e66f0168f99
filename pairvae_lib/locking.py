"""Who holds a folder: locks of chapters and sweeps that end with the process, and say who holds them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import gethostname

from pairvae_lib.chapters import MAKINGS
from pairvae_lib.files import CannotWrite, writing
from pairvae_lib.runs import Run


class ChapterInUse(RuntimeError):
    """Another process runs the same chapter, or a sweep, in the same folder."""


@contextmanager
def locked(target: Path) -> Iterator[int]:
    """Hold an executed notebook, and what its chapter writes, against other processes.

    Parameters
    ----------
    target : Path
        A hidden file beside it is locked, and says who holds it or what could not be written. Its folder is made when
        needed.

    Yields
    ------
    int
        A descriptor. The lock ends with the process, even a killed one, or with the last one that inherits this.

    Raises
    ------
    ChapterInUse
        At once, if another process holds it.
    CannotWrite
        If the disk is full or the folder cannot be written.
    """
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(_lock(target), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with writing(target):
                _note(descriptor, _this_process())
                yield descriptor
        except BlockingIOError:
            who = _lock(target).read_text(encoding="utf-8") or "another process"
            message = f"{target.stem} is being run in {target.parent} by {who}; wait for it, or end it"
            raise ChapterInUse(message) from None
        except CannotWrite as error:
            with suppress(OSError):
                _note(descriptor, str(error))  # in place of the holder: that needs no room on a full disk
            raise
        finally:
            os.close(descriptor)


def _lock(target: Path) -> Path:
    """The file that is locked for a target."""
    return target.with_name(f".{target.stem}.lock")


def _this_process() -> str:
    """How others can find this process."""
    return f"process {os.getpid()} on {gethostname()}"


def _note(descriptor: int, text: str) -> None:
    """Write into a locked file."""
    os.pwrite(descriptor, text.encode(), 0)
    os.ftruncate(descriptor, len(text.encode()))


@contextmanager
def sweeping(runs: Sequence[Run]) -> Iterator[int]:
    """Hold the sweep over a profile and its data against other sweeps, and against what a killed one has left running.

    Parameters
    ----------
    runs : sequence of Run
        At least one; all of the same profile and data.

    Yields
    ------
    int
        A descriptor: a process that inherits it holds the sweep, too.

    Raises
    ------
    ChapterInUse
        At once, if there is another sweep in the folder, or a chapter of these runs is being run.
    CannotWrite
        If the disk is full or the folder cannot be written.
    """
    results = runs[0].data_root / "sweep.json"
    with locked(results) as descriptor:
        for path in results.parent.glob(".sweep.json.*.partial"):
            path.unlink()
        for target in _held_targets(runs):
            with locked(target):
                pass
        _note(descriptor, f"{_this_process()}, or the workflow that it started")
        yield descriptor


def raise_unwritten(runs: Sequence[Run]) -> None:
    """Raise what a chapter of these runs, in whatever process, could not write when it was last run.

    Raises
    ------
    CannotWrite
        If that is why it ended.
    """
    for target in _held_targets(runs):
        text = _lock(target).read_text(encoding="utf-8")
        if text.startswith("cannot write "):
            raise CannotWrite(text)


def _held_targets(runs: Sequence[Run]) -> list[Path]:
    """Notebooks of these runs that a process has ever held."""
    targets = dict.fromkeys(run.notebook(name) for run in runs for name in MAKINGS)
    return [target for target in targets if _lock(target).exists()]
