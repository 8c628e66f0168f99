"""Who holds a file: locks that end with the process, and say who holds them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import gethostname

from pairvae_lib.files.writing import CannotWrite, writing


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
        descriptor = os.open(lock_file(target), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with writing(target):
                note_in(descriptor, this_process())
                yield descriptor
        except BlockingIOError:
            who = lock_file(target).read_text(encoding="utf-8") or "another process"
            message = f"{target.stem} is being run in {target.parent} by {who}; wait for it, or end it"
            raise ChapterInUse(message) from None
        except CannotWrite as error:
            with suppress(OSError):
                note_in(descriptor, str(error))  # in place of the holder: that needs no room on a full disk
            raise
        finally:
            os.close(descriptor)


def lock_file(target: Path) -> Path:
    """The file that is locked for a target."""
    return target.with_name(f".{target.stem}.lock")


def this_process() -> str:
    """How others can find this process."""
    return f"process {os.getpid()} on {gethostname()}"


def note_in(descriptor: int, text: str) -> None:
    """Write into a locked file."""
    os.pwrite(descriptor, text.encode(), 0)
    os.ftruncate(descriptor, len(text.encode()))
