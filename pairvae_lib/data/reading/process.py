"""Decoding in a process apart, with limits of time and memory: a file cannot hang, fill or crash what reads it.

One such process serves all files, one after the other. It is ended when a file asks for too much, and the next file
gets a new one. It is no sandbox: it runs with the rights of its user.
"""

from __future__ import annotations

import atexit
import os
import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import wraps
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socketpair
from threading import RLock
from typing import ParamSpec, TypeVar, cast

import psutil

from pairvae_lib.data.reading.gate import TooMuch, limit, too_much

P = ParamSpec("P")
R = TypeVar("R")

IS_APART = "PAIRVAE_DECODES"  # set in the process apart, to the number of its connection
PAUSE = 0.02  # s between two looks at what it uses
BUSY = 8  # times the limit of time that it may take by the clock
_ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
_lock = RLock()
_reader: _Reader | None = None
_refused: dict[tuple[str, int, int], TooMuch] = {}  # files that asked for too much, as they were


def apart(read: Callable[P, R]) -> Callable[P, R]:
    """A function of a module that reads the file of its first argument: called, it runs in the process apart.

    What it raises is raised here as a ValueError with the same words. A file that asks for too much time or memory
    raises `TooMuch`, and is not tried again until it changes.
    """

    @wraps(read)
    def called(*args: P.args, **options: P.kwargs) -> R:
        if IS_APART in os.environ:
            return read(*args, **options)
        path = Path(str(args[0]))
        try:
            about = path.stat()
            key = (str(path.absolute()), about.st_size, about.st_mtime_ns)
        except (OSError, ValueError):
            return read(*args, **options)  # its own words for what is missing
        with _lock:
            if key in _refused:
                raise _refused[key]
            question = (read.__module__, read.__qualname__, args, options)
            reader = _current()
            try:
                try:
                    return cast(R, reader.answer(*question))
                except TooMuch as error:
                    if "MiB of memory" not in str(error) or not reader.answers:
                        raise
                    reader.end()  # what it kept of other files is not this one's fault
                    return cast(R, _current().answer(*question))
            except TooMuch as error:
                _refused[key] = error
                raise

    return called


class _Reader:
    """The process apart, seen from outside."""

    def __init__(self) -> None:
        ours, theirs = socketpair()
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HDF5_")}
        environment |= _ALONE | {IS_APART: str(theirs.fileno())}
        words = [sys.executable, "-c", f"from {__name__} import serve; serve()"]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self.owner, self.answers = os.getpid(), 0
        self._process = subprocess.Popen(
            words, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()
        self._connection = Connection(ours.detach())
        self._seen = psutil.Process(self._process.pid)
        self._wait("start")
        self._connection.recv_bytes()

    def answer(self, module: str, name: str, args: tuple, options: dict) -> object:
        """What a function of a module returns there, or what it raises."""
        try:
            self._connection.send_bytes(pickle.dumps((module, name, args, options), protocol=5))
            self._wait("decode")
            is_error, kind, sizes, body = pickle.loads(self._connection.recv_bytes())
            buffers = [bytearray(size) for size in sizes]
            for buffer in buffers:
                if buffer:
                    self._connection.recv_bytes_into(buffer)
        except (EOFError, OSError) as error:
            self.end()
            raise ValueError("cannot be read (its decoder crashed)") from error
        except BaseException:
            self.end()  # too much, or interrupted: whatever it says later is no answer to the next question
            raise
        self.answers += 1
        if not is_error:
            return pickle.loads(body, buffers=buffers)
        words = pickle.loads(body)
        if kind == "memory":
            raise too_much("asks for too much memory to be decoded", "MiB of memory")
        if kind == "too much":
            raise TooMuch(words)
        raise FileNotFoundError(words) if kind == "missing" else ValueError(words)

    def _wait(self, what: str) -> None:
        """Wait until there is an answer; TooMuch when it takes too long, or too much memory."""
        seconds, began = limit("seconds"), time.monotonic()
        worked = self._used()[1]
        while not self._connection.poll(PAUSE):
            memory, more_worked = self._used()
            # Time of the processor, for a busy machine is no fault of the file.
            if more_worked - worked > seconds or time.monotonic() - began > BUSY * seconds:
                raise too_much(f"takes more than {seconds:g} s to {what}", "seconds")
            if memory > limit("MiB of memory") * 2**20:
                raise too_much("asks for too much memory to be decoded", "MiB of memory")

    def _used(self) -> tuple[int, float]:
        """What it has in memory [bytes], and for how long it has worked [s]; nothing once it has ended."""
        try:
            times = self._seen.cpu_times()
            return int(self._seen.memory_info().rss), float(times.user + times.system)
        except psutil.Error:
            return 0, 0.0

    def end(self) -> None:
        """End it, also in the middle of a file."""
        if not self.owner:
            return
        self._connection.close()
        if self.owner == os.getpid():
            self._process.kill()
            self._process.wait()
        else:  # of the process that this one was forked from
            self._process.returncode = 0
        self.owner = 0


def _current() -> _Reader:
    """The process apart, started when it is first needed."""
    global _reader
    if _reader is None or _reader.owner != os.getpid():
        if _reader is not None and _reader.owner:
            _reader.end()
        _reader = _Reader()
    return _reader


@atexit.register
def _end() -> None:
    """End the process apart with this one."""
    if _reader is not None and _reader.owner == os.getpid():
        _reader.end()


def serve() -> None:
    """Answer questions until nobody asks any more: what the process apart does."""
    import signal
    from importlib import import_module

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks
    connection = Connection(int(os.environ[IS_APART]))
    connection.send_bytes(b"ready")
    while True:
        try:
            module, name, args, options = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        buffers: list[pickle.PickleBuffer] = []
        is_error, kind = True, ""
        try:
            read = getattr(import_module(module), name)
            _limit_memory()
            body = pickle.dumps(read(*args, **options), protocol=5, buffer_callback=buffers.append)
            is_error = False
        except FileNotFoundError as error:
            kind, body = "missing", pickle.dumps(str(error))
        except BaseException as error:  # decoders of broken files raise anything
            kind = "too much" if isinstance(error, TooMuch) else "memory" if _is_about_memory(error) else ""
            words = str(error) if isinstance(error, ValueError) else f"cannot be read ({type(error).__name__}: {error})"
            body = pickle.dumps(words[:2000])
        views = [buffer.raw() for buffer in buffers]
        try:
            connection.send_bytes(pickle.dumps((is_error, kind, [view.nbytes for view in views], body)))
            for view in views:
                if view.nbytes:
                    connection.send_bytes(view)
        except OSError:
            return
        del buffers, views, body


def _limit_memory() -> None:
    """Keep this process from taking more memory; systems without such a limit leave it to who looks on."""
    try:
        most = int(limit("MiB of memory") * 2**20)
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    except (OSError, ValueError):
        pass


def _is_about_memory(error: BaseException) -> bool:
    """Whether an error, or what led to it, says that memory was refused."""
    words = ""
    found: BaseException | None = error
    while found is not None:
        words += f" {type(found).__name__} {found}".lower()
        found = found.__cause__ or found.__context__
    return any(word in words for word in ("memoryerror", "cannot allocate", "memory allocation", "unable to allocate"))
