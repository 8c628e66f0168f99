"""Files that appear whole or not at all, and one sentence for what cannot be written."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        partial = Path(name)
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
        with tempfile.TemporaryDirectory(".partial", f".{path.name}.", above, ignore_cleanup_errors=True) as work:
            fresh = Path(work, "new")
            fresh.mkdir()
            yield fresh
            if path.exists():
                path.rename(Path(work, "old"))
            fresh.rename(path)


def _umask() -> int:
    """The process's mask for new files, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
