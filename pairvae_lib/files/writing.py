"""Files that appear whole or not at all, and one sentence for what cannot be written."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from shutil import rmtree
from typing import BinaryIO

# Codes of the system that always mean writing; of the others it cannot be told whether something was read or written.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EIO})


class CannotWrite(OSError):
    """The disk is full, or the folder cannot be written; the message is one sentence, "cannot write WHAT: WHY"."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say it in one sentence when `path` cannot be written, whoever found out.

    Raises
    ------
    CannotWrite
        In place of an error of the system.
    """
    try:
        yield
    except CannotWrite:
        raise
    except (OSError, RuntimeError) as error:
        # PyTorch reports a failed write as a RuntimeError, raised while the system's own error was being handled.
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError) or cause.errno not in FULL | _REFUSED:
            raise
        raise CannotWrite(f"cannot write {path}: {_reason(path, cause)}") from error


def _reason(path: Path, error: OSError) -> str:
    """Why, and what stands in the way if something does."""
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{next(above for above in path.absolute().parents if above.exists())} is a file, not a folder"
    return str(error.strerror)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `path` when the block ends, and leaves no trace when it fails.

    Parameters
    ----------
    path : Path
        Its folder is made when needed. What was there before stays until the new file is complete on the disk.

    Raises
    ------
    CannotWrite
        If the disk is full or the folder cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        descriptor, partial = _begun_file(path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.chmod(0o666 & ~_umask())  # mkstemp keeps others out
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A folder to fill that takes the place of `path` when the block ends; all else as `replacing`."""
    with writing(path):
        above = path.absolute().parent
        above.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        descriptor, work = _begun_folder(path)
        try:
            fresh = Path(work, "new")
            fresh.mkdir()
            yield fresh
            if path.exists():
                path.rename(Path(work, "old"))
            fresh.rename(path)
        finally:
            rmtree(work, ignore_errors=True)
            os.close(descriptor)


# What is begun stands beside its target under a hidden name, and is locked. The lock ends with the process, even with a
# killed one: what has none was abandoned.
def _begun_file(path: Path) -> tuple[int, Path]:
    """A locked file that is to take the place of a path."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)  # another process took it for abandoned before it was locked


def _begun_folder(path: Path) -> tuple[int, Path]:
    """A locked folder that is to take the place of a path."""
    while True:
        work = Path(tempfile.mkdtemp(".partial", f".{path.name}.", path.absolute().parent))
        with suppress(FileNotFoundError):
            descriptor = os.open(work, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if work.exists():
                return descriptor, work
            os.close(descriptor)


def _remove_abandoned(path: Path) -> None:
    """Remove what killed processes had begun to write in the place of a path."""
    for found in path.absolute().parent.glob(f".{escape(path.name)}.*.partial"):
        with suppress(OSError):  # another process locks or removes it, or may
            descriptor = os.open(found, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if found.is_dir():
                    rmtree(found, ignore_errors=True)
                else:
                    found.unlink()
            finally:
                os.close(descriptor)


def _umask() -> int:
    """The process's mask for new files, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
