"""A folder in which measurements appear: each becomes an ensemble and a line in a log, once, whatever happens between.

The folder is looked through every so often rather than asked to tell: that works on network mounts, too.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import RawIOBase
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread, current_thread, main_thread
from typing import Any

from pairvae_lib.bundles.apply import (
    AS_THE_FILE_SAYS,
    Treatment,
    content_digest,
    read_measurement,
    reconstructed,
)
from pairvae_lib.bundles.bundle import Bundle, check_route
from pairvae_lib.bundles.write import folder_name, write_ensemble
from pairvae_lib.checks import check_positive
from pairvae_lib.data.reading.detectors import HDF5_SUFFIXES, linked_files
from pairvae_lib.data.reading.gate import within
from pairvae_lib.data.reading.images import IMAGE_SUFFIXES
from pairvae_lib.data.reading.profiles import PROFILE_SUFFIXES
from pairvae_lib.files.locks import locked
from pairvae_lib.files.writing import writing
from pairvae_lib.models.loop import state_digest

LOG = "log.jsonl"
PART = re.compile(r"_data_\d+\.(h5|hdf5|nxs)$", re.IGNORECASE)  # a data file of an Eiger, which its master names
SETTLED = 0.15  # s that a file must not have changed for
INTERVAL = 0.1  # s between two looks
SHARE = 0.1  # of the time may be spent on looking
DONE, FAILED, SAME = "done", "failed", "same"  # what a line says of a file
HALF = 0.05  # s between the two halves of a file that is delivered
PATIENCE = 120  # s for all files that are delivered together

State = tuple[int, int]  # size [bytes] and time of the last change [ns]


class Watch:
    """What is known of a watched folder.

    Parameters
    ----------
    folder : Path
        Files directly in it are taken: of the formats that the modality may have, and not hidden. A file of an Eiger's
        frames is read with its master alone, which waits for it.
    out : Path
        Holds the log, and a folder for each file, named as the file.
    source, target : str
        Modalities of the files and of the ensembles; the target is the other one if empty.
    samples, seed : int
        As `apply.reconstructed`.
    treatment : Treatment
        What the files do not say.
    say : callable
        Takes a sentence for people.
    """

    def __init__(
        self, folder: Path, bundle: Bundle, out: Path, source: str, target: str = "", samples: int = 16, seed: int = 43,
        treatment: Treatment = AS_THE_FILE_SAYS, say: Callable[[str], None] = lambda _: None,
    ):
        if not folder.is_dir():
            raise ValueError(f"the watched folder must be one; got {str(folder)!r}")
        if folder.resolve() == out.resolve():
            raise ValueError(f"the folder to write to must not be the watched one; got {str(out)!r}")
        self.folder, self.bundle, self.out, self.source = folder, bundle, out, source
        self.target = target or bundle.other(source)
        bundle.modality(self.target)
        check_route(bundle, source, self.target)
        profiles = IMAGE_SUFFIXES | PROFILE_SUFFIXES if treatment.poni else PROFILE_SUFFIXES | HDF5_SUFFIXES
        self.suffixes = IMAGE_SUFFIXES if bundle.modality(source).is_image else profiles
        self.samples, self.seed, self.treatment, self.say = samples, seed, treatment, say
        self.stop = Event()
        settings = [state_digest(bundle.model), source, self.target, samples, seed, repr(treatment)]
        self.made_with = sha256(json.dumps(settings).encode()).hexdigest()[:16]
        self._done: dict[str, str] = {}  # content to name of the folder
        self._said: dict[str, tuple[str, str]] = {}  # file to content and outcome of its last line
        self._pending: dict[str, tuple[State, float]] = {}  # file to what it was when, by our clock
        self._handled: dict[str, State] = {}
        self._parts: dict[str, tuple[State, list[Path]]] = {}  # HDF5 file to its state, and the files that it links to
        self._blind = False

    def run(self, interval: float | None = None) -> None:
        """Look, until SIGTERM, Ctrl-C, or `stop` is set; what is being done then is finished first.

        Parameters
        ----------
        interval : float, optional
            Seconds between two looks; INTERVAL if None. Longer where looking would take more than SHARE of the time.

        Raises
        ------
        ChapterInUse
            If another process writes to the same folder.
        CannotWrite
            If the disk is full or the folder cannot be written.
        """
        interval = INTERVAL if interval is None else interval
        with self._held(), _stopped_by_signals(self.stop):
            self.say(f"Watching {self.folder}; Ctrl-C ends it")
            while not self.stop.is_set():
                began = time.monotonic()
                if not self._look():
                    self.stop.wait(max(interval, (time.monotonic() - began) / SHARE))

    def run_once(self) -> None:
        """Do all that is there, and wait for files that still grow; errors as `run`."""
        with self._held(), _stopped_by_signals(self.stop):
            self._look()
            while self._pending and not self.stop.is_set():
                self.stop.wait(INTERVAL)
                self._look()

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the folder to write to against other processes, and know what was done."""
        with locked(self.out / "watch"):
            self._read_log()
            yield

    def _look(self) -> int:
        """Do the files that no longer grow; their number."""
        now, done = time.monotonic(), 0
        found = self._listed()
        self._pending = {name: known for name, known in self._pending.items() if name in found}
        for name, state in sorted(found.items(), key=lambda item: item[1][1]):
            if self.stop.is_set():
                break
            if self._handled.get(name) == state:
                self._pending.pop(name, None)
                continue
            before, since = self._pending.get(name, (None, now))
            if before != state:
                self._pending[name] = (state, now)
            elif now - since >= SETTLED:
                done += self._do(name, state, since)
        return done

    def _listed(self) -> dict[str, State]:
        """The files of the folder; none while it cannot be read."""
        found: dict[str, State] = {}
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    suffix = Path(entry.name).suffix.lower()
                    if entry.name.startswith(".") or suffix not in self.suffixes or PART.search(entry.name):
                        continue
                    try:
                        if entry.is_file():
                            found[entry.name] = self._state(self.folder / entry.name)
                    except FileNotFoundError:  # gone since
                        continue
        except OSError as error:
            if not self._blind:
                self.say(f"cannot look into {self.folder}: {error.strerror}; waiting for it")
            self._blind = True
            return {}
        self._blind = False
        parts = {part.name for name in found for part in self._parts.get(name, (None, []))[1]}
        return {name: state for name, state in found.items() if name not in parts}

    def _state(self, path: Path) -> State:
        """Size and time of the last change of a file, and of the files beside it in which it holds its values."""
        about = path.stat()
        own = (about.st_size, about.st_mtime_ns)
        if path.suffix.lower() not in HDF5_SUFFIXES:
            return own
        if self._parts.get(path.name, (None, []))[0] != own:
            try:
                self._parts[path.name] = (own, linked_files(path))
            except ValueError:  # not whole yet
                self._parts.pop(path.name, None)
        for part in self._parts.get(path.name, (own, []))[1]:
            if part.is_file():
                about = part.stat()
                own = (own[0] + about.st_size, max(own[1], about.st_mtime_ns))
        return own

    def _do(self, name: str, state: State, since: float) -> bool:
        """Make the ensemble of a file, unless it was made; whether the file was as it was found until the end."""
        path = self.folder / name
        line: dict[str, Any] = {"file": name}
        try:
            if not within(self.folder, path):
                raise ValueError("must be a file within the watched folder")
            content = content_digest(path)
        except (OSError, ValueError) as error:  # gone, or not to be read
            reason = getattr(error, "strerror", None) or str(error)
            content, line = "", line | {"status": FAILED, "error": f"{path} cannot be read: {reason}"}
        if content in self._done and content:
            line |= {"status": SAME, "folder": self._done[content]}
        elif content:
            try:
                measurement = read_measurement(self.bundle, path, self.source, self.treatment)
                ensemble = reconstructed(self.bundle, measurement, self.target, self.samples, self.seed)
                if self._changed(path, state):
                    return False
                folder = folder_name(name)
                summary = write_ensemble(self.out, folder, self.bundle, ensemble, {"seed": self.seed})
                line |= {"status": DONE, "folder": folder}
                line |= {key: summary[key] for key in ("statistics", "warnings")}
            except (ValueError, FileExistsError) as error:
                line |= {"status": FAILED, "error": str(error)}
        if self._changed(path, state):
            return False
        self._handled[name] = state
        self._pending.pop(name, None)
        self._note(line, content, since)
        return True

    def _changed(self, path: Path, state: State) -> bool:
        """Whether a file is another one now."""
        try:
            return self._state(path) != state
        except OSError:
            return True

    def _note(self, line: dict[str, Any], content: str, since: float) -> None:
        """A line in the log, unless it says what the last one about the file said."""
        name, outcome = line["file"], str(line.get("error", DONE))
        if line["status"] == DONE:
            self._done[content] = line["folder"]
        if self._said.get(name) == (content, outcome):
            return
        self._said[name] = (content, outcome)
        seconds = round(time.monotonic() - since, 3)
        line |= {
            "sha256": content, "made_with": self.made_with, "seconds": seconds,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        path = self.out / LOG
        with writing(path), path.open("ab", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            try:
                _write_whole(file, (json.dumps(line, allow_nan=False) + "\n").encode())
            except BaseException:
                file.truncate(before)
                raise
        told = line.get("error") or f"{line['status']} after {seconds:.2f} s: {self.out / line['folder']}"
        self.say(f"{name}: {told}")

    def _read_log(self) -> None:
        """What earlier processes did with the same model and settings; a line that was cut off is removed."""
        path = self.out / LOG
        if not path.exists():
            return
        with writing(path), path.open("rb+") as file:
            text = file.read()
            text = text[: text.rfind(b"\n") + 1]
            file.truncate(len(text))
        for row in text.decode("utf-8", errors="replace").splitlines():
            try:
                line = json.loads(row)
                name, content, status = str(line["file"]), str(line["sha256"]), line["status"]
                if line["made_with"] != self.made_with:
                    continue
                if status == FAILED:
                    self._said[name] = (content, str(line["error"]))
                elif (self.out / str(line["folder"])).is_dir():  # else it is made again
                    self._done.setdefault(content, str(line["folder"]))
                    self._said[name] = (content, DONE)
            except (ValueError, KeyError, TypeError):  # cut off, or of something else
                continue


def _write_whole(file: RawIOBase, text: bytes) -> None:
    """Write all of a text to the disk: a system may take a part of it only, and refuse the rest."""
    while text:
        text = text[file.write(text) or 0 :]
    os.fsync(file.fileno())


@contextmanager
def _stopped_by_signals(stop: Event) -> Iterator[None]:
    """SIGTERM and the first Ctrl-C set `stop`; a second Ctrl-C interrupts."""
    if current_thread() is not main_thread():
        yield
        return

    def ask(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class Delivery:
    """What became of the files.

    Parameters
    ----------
    lines : tuple of dict
        One for each file, as it stands in the log: "file", "status", "seconds", and "error" of one that was refused.
    repeated : int
        Lines that a second watch on the same folder added: what was done twice.
    """

    lines: tuple[dict[str, Any], ...]
    repeated: int

    @property
    def rows(self) -> list[dict[str, str | float]]:
        """The log for readers: file, status, seconds from the first sight of the finished file, and the reason."""
        return [
            {key: line[key] for key in ("file", "status", "seconds")} | {"reason": line.get("error", "")}
            for line in self.lines
        ]

    @property
    def seconds(self) -> list[float]:
        """Of the files that became an ensemble, in the order in which they came."""
        return [float(line["seconds"]) for line in self.lines if line["status"] != FAILED]


def delivered(bundle: Bundle, files: Sequence[Path], samples: int = 16, pause: float = SETTLED) -> Delivery:
    """Copy files into a watched folder in two halves each, with a broken one among them; then watch it once more.

    Parameters
    ----------
    files : sequence of Path
        Measurements by the first technique of at least one sample, of different names.
    samples : int
        Members of each ensemble.
    pause : float
        Seconds between two files.

    Raises
    ------
    TimeoutError
        If not every file has a line in the log after PATIENCE seconds.
    """
    check_positive("number of files", len(files))
    source = bundle.modalities[0].name
    with TemporaryDirectory() as place:
        arriving, out = Path(place) / "arriving", Path(place) / "predicted"
        arriving.mkdir()
        watch = Watch(arriving, bundle, out, source, samples=samples)
        thread = Thread(target=watch.run, daemon=True)
        thread.start()
        try:
            broken = arriving / f"broken{files[0].suffix}"
            broken.write_bytes(files[0].read_bytes()[:100])
            for file in files:
                _deliver(file, arriving / file.name)
                time.sleep(pause)
            lines = _all_lines(out / LOG, len(files) + 1)
        finally:
            watch.stop.set()
            thread.join()
        Watch(arriving, bundle, out, source, samples=samples).run_once()
        again = _lines(out / LOG)
    told = tuple(
        line | {"error": line["error"].replace(f"{arriving}/", "")} if "error" in line else line for line in lines
    )
    return Delivery(told, len(again) - len(lines))


def _deliver(file: Path, target: Path) -> None:
    """Write a file in two halves."""
    content = file.read_bytes()
    with target.open("wb") as arriving:
        arriving.write(content[: len(content) // 2])
        arriving.flush()
        time.sleep(HALF)
        arriving.write(content[len(content) // 2 :])


def _all_lines(log: Path, count: int) -> list[dict[str, Any]]:
    """The lines of a log once there are so many."""
    began = time.monotonic()
    while len(lines := _lines(log)) < count:
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError(f"{count} files must have a line in the log after {PATIENCE} s; got {len(lines)}")
        time.sleep(0.05)
    return lines


def _lines(log: Path) -> list[dict[str, Any]]:
    """The whole lines of a log."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
