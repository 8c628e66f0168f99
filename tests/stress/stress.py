"""A stress test of every command: kills, broken inputs, bombs, full disks. `make stress` runs it, `make test` does not.

Everything follows from the seed but the moments of the random kills. Each trial has a folder of its own and, unless it
reads one file only, a process that is forked from this one. The table is printed, and written as JSON while it grows:
with --go-on an interrupted run goes on there, with --again some parts are done anew.
"""

from __future__ import annotations

import argparse
import errno
import gzip
import json
import os
import platform
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from io import StringIO
from pathlib import Path

import h5py
import nbformat
import numpy as np
import psutil
import tifffile
import torch
from detector_files import counts, write_cbf, write_edf, write_nexus, write_nxcansas, write_poni
from events import sitecustomize as events
from lab import write_pairs, write_profile
from PIL import Image

import pairvae_lib.book.execute as execute
import pairvae_lib.bundles.onnx
import pairvae_lib.bundles.report
import pairvae_lib.bundles.watch  # noqa: F401
from pairvae_lib import cli
from pairvae_lib.book.publish import commit_of
from pairvae_lib.bundles.bundle import load_bundle
from pairvae_lib.config import PROFILES, Simulation
from pairvae_lib.data.inspection import inspected
from pairvae_lib.data.reading import process
from pairvae_lib.data.reading.images import image_header, image_pixels
from pairvae_lib.data.reading.patterns import calibration
from pairvae_lib.data.reading.profiles import read_profile
from pairvae_lib.files.arrays import write_json
from pairvae_lib.files.runs import project_root

TINY = PROFILES["tiny"] = replace(PROFILES["tiny"], simulation=Simulation(size="quick", n_pairs=1))
CRASHED = 70  # exit code of a trial that ends in an error that no message stands for
LONGEST, LARGEST = 20.0, 2**30  # s and bytes that one file may take
PATIENCE = 900.0  # s for one command, on a busy machine
TURN = 20.0  # s of one part, before the next has its turn
TRIAL = "PAIRVAE_STRESS_TRIAL"  # environment variable of all processes of a trial
WORDS = ["", "0", "-1", "nan", "inf", "1e308", "99999999999999999999", "none", "a,b", "../..", "é→"]
WORDS += ["x" * 300, "\udcff"]
DATED = ("date", "seconds", "resumed")  # in keys of JSON files whose values differ from run to run


@dataclass
class Trial:
    """What one trial showed."""

    row: str  # of the table
    fault: str = ""
    killed: bool = False  # before it was done


@dataclass(frozen=True)
class Part:
    """Trials of one sort; each is made from its number and a generator of its own."""

    name: str
    count: int
    trial: Callable[[int, random.Random], Trial]


@dataclass
class Row:
    """One line of the table."""

    tried: int = 0
    killed: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """How a process ended."""

    code: int  # exit code; -9 of one that was killed
    said: str
    seconds: float
    worked: float = 0.0  # s of the processor, of all its processes
    peak: int = 0  # bytes, of the largest of its processes

    @property
    def is_answer(self) -> bool:
        """Whether it ended in a result or in a sentence."""
        return self.code in (0, 1, 2) and "Traceback" not in self.said


def tried(
    job: Callable[[], object], before: Callable[[], object] = lambda: None, kill: float = 0.0, limit: float = PATIENCE
) -> Outcome:
    """Run a job in a process of its own; `kill` seconds after its start it is killed, if that is not 0."""
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _child(job, before, said.fileno())
        end = began + (kill or limit)
        ended = 0
        while not ended and time.monotonic() < end:
            ended, status, used = os.wait4(pid, os.WNOHANG)
            time.sleep(0.002)
        if not ended:
            os.kill(pid, signal.SIGKILL)
            _, status, used = os.wait4(pid, 0)
        said.seek(0)
        text = said.read().decode(errors="replace")
        if not ended and not kill:
            text += f"\nstill running after {limit:g} s"
        peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        seconds, worked = time.monotonic() - began, used.ru_utime + used.ru_stime
        return Outcome(os.waitstatus_to_exitcode(status), text, seconds, worked, peak)


def _child(job: Callable[[], object], before: Callable[[], object], said: int) -> None:
    """What the process of a trial does."""
    os.dup2(said, 1), os.dup2(said, 2)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False, errors="backslashreplace") for number in (1, 2))
    code = CRASHED
    try:
        before()
        job()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException:
        traceback.print_exc()
    try:
        sys.stdout.flush(), sys.stderr.flush()
        process._end()
    finally:
        os._exit(code)


def command(*words: object) -> Callable[[], object]:
    """A command line as a job."""
    return lambda: cli.main([str(word) for word in words])


def survivors(folder: Path, patience: float = 60.0) -> str:
    """What still runs of a trial's processes after some time; they are ended."""
    end = time.monotonic() + patience
    while True:
        found = []
        for one in psutil.process_iter():
            with suppress(psutil.Error):
                if one.environ().get(TRIAL) == str(folder) and one.status() != psutil.STATUS_ZOMBIE:
                    found.append(one)
        if not found or time.monotonic() > end:
            break
        time.sleep(0.2)
    left = ""
    for one in found:
        with suppress(psutil.Error):
            left += f"process left: {' '.join(one.cmdline())[:200]}\n"
            one.kill()
    return left


class World:
    """Small pairs, a model trained on them, and each command with what it leaves when nothing disturbs it."""

    def __init__(self, root: Path):
        self.root = root
        self.pairs, self.films = write_pairs(root / "pairs"), write_pairs(root / "films")
        for file in self.films.glob("*/*.png"):  # as large as the pictures of a chapter
            with Image.open(file) as picture:
                picture.resize((3 * picture.width, 3 * picture.height), Image.Resampling.NEAREST).save(file)
        self.model = root / "model"
        self._must(command("train", self.pairs, "--out", self.model, "--profile", "tiny"))
        for words in (  # here, so that the trials, which are forked, find everything imported
            ("report", self.model, "--data", self.pairs, "--out", root / "warm.html"),
            ("reconstruct", self.model, self.pairs / "saxs/s00.png", "--from", "saxs", "--out", root / "warm"),
            ("train", self.pairs, "--out", root / "warm model", "--profile", "tiny", "--model", "flow"),
            ("export", self.model, "--onnx", "--out", root / "warm onnx"),
            ("simulate", "--profile", "tiny", "--out", root / "warm data"),
        ):
            with suppress(SystemExit), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                cli.main([str(word) for word in words])
        process._end()
        files = [self.pairs / f"saxs/s{i:02d}.png" for i in range(3)]
        given = (self.model, *files, "--from", "saxs", "--out", "{out}", "--samples", 4)
        chapter = ("--profile", "tiny", "-p", "data", self.films)
        self.commands: dict[str, tuple[object, ...]] = {
            "check": ("check", self.pairs, "--profile", "tiny", "--out", "{out}/report.html"),
            "simulate": ("simulate", "--profile", "tiny", "--out", "{out}/data"),
            "train": ("train", self.pairs, "--profile", "tiny", "--out", "{out}/model"),
            "train --model flow": ("train", self.pairs, "--profile", "tiny", "--out", "{out}/model", "--model", "flow"),
            "report": ("report", self.model, "--data", self.pairs, "--out", "{out}/report.html"),
            "reconstruct": ("reconstruct", *given),
            "generate": ("generate", *given[:-2]),
            "watch": ("watch", self.pairs / "saxs", "--model", self.model, "--out", "{out}", "--once", "--samples", 4),
            "export": ("export", self.model, "--onnx", "--out", "{out}"),
            "run 02": ("run", "02", *chapter),
            "run 03": ("run", "03", *chapter),
            "run 04": ("run", "04", *chapter),
        }
        self.before = {"run 03": "run 02", "run 04": "run 03"}  # whose products a command finds
        self._expected: dict[str, tuple[dict[str, str], float, int]] = {}

    def expected(self, name: str) -> tuple[dict[str, str], float, int]:
        """What a command leaves when nothing disturbs it, how many seconds it takes, and how many events it has."""
        if name not in self._expected:
            out = self.folder(name, self._undisturbed(name))
            counter = self.root / "events"
            counter.write_bytes(b"")
            took = self._must(self.line(name, out), self.watched(name, out, counter)).seconds
            self._expected[name] = (digests(out), took, counter.stat().st_size)
        return self._expected[name]

    def folder(self, name: str, out: Path | None = None) -> Path:
        """A folder for a command to write to, with what it needs there."""
        out = Path(tempfile.mkdtemp(dir=self.root)) if out is None else out
        if name in self.before:
            self.expected(self.before[name])
            shutil.copytree(self._undisturbed(self.before[name]), out, dirs_exist_ok=True)
        out.mkdir(parents=True, exist_ok=True)
        return out

    def line(self, name: str, out: Path) -> Callable[[], object]:
        """A command that writes into a folder."""

        def job() -> None:
            os.environ |= {"PAIRVAE_RESULTS": str(out), TRIAL: str(out)}
            command(*(str(word).replace("{out}", str(out)) for word in self.commands[name]))()

        return job

    def watched(
        self, name: str, out: Path, counter: Path, number: int = 0, together: bool = True
    ) -> Callable[[], None]:
        """What kills a command at its n-th event, wherever that is: in it or in a process that it started."""
        reads = name in ("check", "report")  # these write one file

        def before() -> None:
            order = (str(self.root if reads else out), str(counter), number, os.getpid() if together else 0, reads)
            places = [str(Path(events.__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
            os.environ |= {events.ORDER: json.dumps(order), "PYTHONPATH": os.pathsep.join(places)}
            events.watch(*order)

        return before

    def _undisturbed(self, name: str) -> Path:
        return self.root / "undisturbed" / name.replace(" ", "")

    def _must(self, job: Callable[[], object], before: Callable[[], object] = lambda: None) -> Outcome:
        """The outcome of what must not fail."""
        outcome = tried(job, before)
        if outcome.code:
            raise RuntimeError(outcome.said)
        return outcome


def digests(folder: Path) -> dict[str, str]:
    """What a folder holds, by name: without times, dates and locks."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock")):
        name, content = path.relative_to(folder).as_posix(), path.read_bytes()
        try:
            if path.name == "log.jsonl":
                lines = [json.loads(line) for line in content.decode().splitlines()]
                content = repr(sorted((line["file"], line["status"]) for line in lines)).encode()
            elif path.suffix == ".ipynb":
                cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code" and cell.source]
                content = repr([(cell.source, cell.execution_count) for cell in cells]).encode()
            elif path.suffix == ".pt":  # an archive, whose names follow that of the file it was first written to
                content = repr(_bits(torch.load(path, weights_only=True))).encode()
            elif path.name in ("config.json", "history.json"):
                content = json.dumps(_undated(json.loads(content))).encode()
            elif path.name == "card.md":  # holds dates and seconds; its numbers stand in config.json
                content = content[:1]
        except (ValueError, KeyError, RuntimeError, OSError) as error:
            content = f"broken: {type(error).__name__} {error}".encode()
        found[name] = sha256(content).hexdigest()
    return found


def _bits(value: object) -> object:
    """Plain values in which tensors are bytes."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.numpy().tobytes()
    return {key: _bits(item) for key, item in value.items()} if isinstance(value, dict) else value


def _undated(value: object) -> object:
    """Plain values without dates and seconds."""
    if isinstance(value, dict):
        return {key: _undated(item) for key, item in value.items() if not any(word in key for word in DATED)}
    return [_undated(item) for item in value] if isinstance(value, list) else value


def killed(world: World, at_events: bool, number: int, rng: random.Random) -> Trial:
    """A command killed, and run again until it is done: what it leaves must be what it leaves undisturbed."""
    names = [name for name in world.commands if not name.startswith("run")]
    turn, place = divmod(number, len(names) + 1)
    name = names[place] if place < len(names) else f"run {2 + turn % 3:02d}"
    wanted, took, there = world.expected(name)
    out, again = world.folder(name), None
    if at_events:
        counter, together = world.root / f"{out.name}.events", rng.random() < 0.5
        counter.write_bytes(b"")
        event = rng.randint(1, there)
        first = tried(world.line(name, out), world.watched(name, out, counter, event, together))
        how = f"event {event} of {there}{'' if together else ', one process'}"
    else:
        moment = rng.uniform(0.02, took)
        first = tried(world.line(name, out), kill=moment)
        how = f"{moment:.2f} s"
    # A kernel that is killed alone ends its chapter with a sentence.
    was_killed = first.code == -signal.SIGKILL or (at_events and name.startswith("run") and first.code == 1)
    if first.code:
        again = tried(world.line(name, out))
    fault = survivors(out)
    if not (was_killed or first.code == 0) or "Traceback" in first.said or (again is not None and again.code):
        codes = f"exit {first.code}, then {again.code if again else None}"
        fault += f"{codes}: {(first.said + (again.said if again else ''))[-300:]}"
    elif (found := digests(out)) != wanted:
        odd = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
        fault += f"differs in {', '.join(odd[:5])}"
    shutil.rmtree(out)
    row = f"killed {'at file-system events' if at_events else 'at random moments'}: {name.split()[0]}"
    row += " --model flow" if name.endswith("flow") else ""
    return Trial(row, f"{how}: {fault}" if fault else "", was_killed)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A file with a few changes: bytes turned, cut out, doubled, words put in, or cut short."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place, length = rng.randrange(len(data) + 1), rng.choice((1, 1, 2, 4, 8, 64))
        kind = rng.randrange(6)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[place : place + length]
        elif kind == 2:
            data[place:place] = data[place : place + length] * rng.randint(1, 50)
        elif kind == 3:
            data[place : place + length] = rng.randbytes(length)
        elif kind == 4:
            data[place:place] = rng.choice(WORDS).encode(errors="surrogateescape")
        elif rng.random() < 0.2:
            del data[place:]
        if not data:
            return bytes(data)
    return bytes(data)


def fault_of(job: Callable[[], object]) -> str:
    """What is wrong with a job in this process, or "": it must end in time, in a result or in a ValueError."""
    began = time.process_time()
    try:
        job()
    except (ValueError, FileNotFoundError, FileExistsError):
        pass
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    took = time.process_time() - began
    return f"took {took:.0f} s" if took > LONGEST else ""


def formats(folder: Path) -> dict[str, Callable[[Path], object]]:
    """A small file of every format, and what reads it."""
    folder.mkdir()
    levels, grey = counts(), np.random.default_rng(0).integers(0, 255, (40, 44)).astype(np.uint8)
    tifffile.imwrite(folder / "a.tif", grey, resolution=(1, 1), description="x" * 40)
    tifffile.imwrite(folder / "lzw.tif", grey, compression="lzw", rowsperstrip=8)
    tifffile.imwrite(folder / "big.tif", levels.astype("f4"), bigtiff=True, compression="zlib")
    Image.fromarray(grey).save(folder / "a.png")
    Image.fromarray(np.stack([grey] * 3, axis=-1)).save(folder / "a.jpg")
    np.save(folder / "a.npy", levels)
    write_edf(folder / "a.edf", levels), write_cbf(folder / "a.cbf", levels), write_nexus(folder / "a.h5", levels)
    write_nxcansas(folder / "a.nxs", np.linspace(0.05, 0.9, 40), np.linspace(0.05, 0.9, 40) ** -3, "1/nm")
    write_profile(folder / "a.dat"), write_poni(folder / "a.poni")
    readers: dict[str, Callable[[Path], object]] = {".dat": read_profile, ".nxs": read_profile, ".poni": calibration}
    both = lambda path: (image_header(path), image_pixels(path))  # noqa: E731
    return {path.name: readers.get(path.suffix, both) for path in sorted(folder.iterdir())}


def broken_file(folder: Path, readers: dict[str, Callable[[Path], object]], number: int, rng: random.Random) -> Trial:
    """A file of one of the formats, with changes."""
    name = list(readers)[number % len(readers)]
    path = folder / f"changed{Path(name).suffix}"
    path.write_bytes(mutated((folder / name).read_bytes(), rng))
    fault = fault_of(lambda: readers[name](path))
    return Trial(f"changed file: {name}", f"{number}: {fault}" if fault else "")


def broken_manifest(folder: Path, whole: bytes, number: int, rng: random.Random) -> Trial:
    """A table with changes."""
    (folder / "manifest.csv").write_bytes(mutated(whole, rng))
    fault = fault_of(lambda: inspected(folder, TINY))
    return Trial("changed manifest", f"{number}: {fault}" if fault else "")


def broken_model(world: World, number: int, rng: random.Random) -> Trial:
    """The folder of a model with changes; the digest of the numbers is put right, so that more than it is tried."""
    folder = world.root / "changed model"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(world.model, folder)
    path = folder / rng.choice(["config.json", "config.json", "model.safetensors", "latents.safetensors"])
    whole = path.read_bytes()
    cut = whole if path.suffix == ".json" else whole[:4000]  # the header, where the claims are
    path.write_bytes(mutated(cut, rng) + whole[len(cut) :])
    if path.name == "model.safetensors":
        config = json.loads((folder / "config.json").read_text())
        config["sha256"] = sha256(path.read_bytes()).hexdigest()
        (folder / "config.json").write_text(json.dumps(config))
    fault = fault_of(lambda: load_bundle(folder))
    return Trial("changed model", f"{number}, {path.name}: {fault}" if fault else "")


def odd_options(world: World, place: Path, number: int, rng: random.Random) -> Trial:
    """A command line with odd values; chapters are checked, and not run."""
    options = ["--out", "--seed", "--samples", "--n-train", "--held-out", "--profile", "--from", "--to", "--beam"]
    options += ["--q-unit", "--q-scale", "--image-rows", "--nm-per-pixel", "--poni", "--threads"]
    options += ["--model", "--data", "--workers", "--poll", "--variance", "--count", "--json", "--strict", "--help"]
    starts = [("check", world.pairs), ("reconstruct", world.model, world.pairs / "saxs/s00.png", "--from", "saxs")]
    starts += [("report", world.model), ("generate", world.model, world.pairs / "saxs/s00.png", "--from", "saxs")]
    starts += [("watch", world.pairs / "none"), ("simulate", "--profile", "huge"), ("train", world.root / "none")]
    starts += [("run", "03"), ("run", "10"), ("sweep", "--data", "none"), ("claims", "--data", "none"), ("export",)]
    names = ["seed", "n_train", "held_out", "data", "protocol", "members", "steps", "profile", "published"]

    def before() -> None:
        os.chdir(place)
        execute._execute = lambda *_: Path("not run")

    words = [str(word) for word in rng.choice(starts)]
    for _ in range(rng.randint(0, 3)):
        if words[0] == "run":
            words += ["-p", rng.choice(names), rng.choice(WORDS)]
        else:
            words += [rng.choice(options), rng.choice(WORDS)]
    outcome = tried(command(*words), before, limit=120)
    fault = "" if outcome.is_answer else f"{words}: exit {outcome.code}: {outcome.said[-300:]}"
    return Trial("odd options", fault)


def bombs() -> list[tuple[Callable[[Path], object], str, str]]:
    """Small files that would take endless time or memory: what makes each, its suffix, and the column it stands in."""

    def page_cycle(path: Path) -> None:
        tifffile.imwrite(path, np.zeros((64, 64), "u1"))
        data = bytearray(path.read_bytes())
        first = struct.unpack("<I", data[4:8])[0]
        entries = struct.unpack("<H", data[first : first + 2])[0]
        data[first + 2 + 12 * entries : first + 6 + 12 * entries] = struct.pack("<I", first)
        path.write_bytes(data)

    def many_pages(path: Path) -> None:
        tifffile.imwrite(path, np.zeros((3000, 8, 8), "u1"), photometric="minisblack", metadata=None)

    def links_to_root(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file["d"] = np.ones((64, 64))
            for number in range(10):
                file[f"r{number}"] = file["/"]

    def many_groups(path: Path) -> None:
        with h5py.File(path, "w") as file:
            for number in range(12_000):
                file.create_group(f"g{number}")

    def fill_values(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file.create_dataset("data", (32768, 32768), "u1", chunks=(1024, 1024), fillvalue=3)[:8, :8] = 1

    def large_chunk(path: Path) -> None:
        with h5py.File(path, "w") as file:
            sizes = {"maxshape": (None, None), "chunks": (30_000, 30_000), "compression": "gzip"}
            file.create_dataset("data", (64, 64), "u1", **sizes)

    def endless_header(path: Path) -> None:
        path.write_bytes(b"{" + b"a" * 65000 + b"}\n")

    def endless_cbf(path: Path) -> None:
        path.write_bytes(b"###CBF: VERSION 1.5\r\n--CIF-BINARY-FORMAT-SECTION--" + b"a" * 60000 + b"\x0c\x1a\x04\xd5")

    def packed_edf(path: Path) -> None:
        packed = gzip.compress(bytes(2**29), 9)
        head = "{\nByteOrder = LowByteFirst ;\nDataType = UnsignedByte ;\nDim_1 = 4000 ;\nDim_2 = 4000 ;\n"
        head += f"COMPRESSION = GZIP ;\nSize = {len(packed)} ;\n"
        path.write_bytes((head.ljust(510) + "}\n").encode() + packed)

    def sparse_array(path: Path) -> None:
        np.lib.format.open_memmap(path, "w+", "u1", (32768, 32768))

    def long_tail(path: Path) -> None:
        np.save(path, np.arange(4096, dtype="f4").reshape(64, 64))
        os.truncate(path, 2**33)

    def long_text(path: Path) -> None:
        path.write_text("0.1 2.5 0.01\n" * 2**20)

    def large_image(path: Path) -> None:
        np.save(path, np.random.default_rng(0).random((4400, 4400), dtype="f4"))

    kinds = [(page_cycle, ".tif"), (many_pages, ".tif"), (links_to_root, ".h5"), (many_groups, ".h5")]
    kinds += [(fill_values, ".h5"), (large_chunk, ".h5"), (endless_header, ".edf"), (endless_cbf, ".cbf")]
    kinds += [(packed_edf, ".edf"), (sparse_array, ".npy"), (long_tail, ".npy"), (large_image, ".npy")]
    as_images = [(make, suffix, column) for make, suffix in kinds for column in ("saxs", "sem")]
    return [*as_images, (long_text, ".dat", "saxs")]


def bomb(world: World, number: int, rng: random.Random) -> Trial:
    """A folder with one of the bombs, checked by a fresh process."""
    make, suffix, column = bombs()[number]
    folder = write_pairs(Path(tempfile.mkdtemp(dir=world.root)) / "pairs", 9)
    make(folder / f"bomb{suffix}")
    table = (folder / "manifest.csv").read_text()
    for name in [f"{column}/s00.png"] if suffix != ".dat" else [f"saxs/s{i:02d}.png" for i in range(9)]:
        table = table.replace(name, f"bomb{suffix}")
    (folder / "manifest.csv").write_text(table)
    words = [sys.executable, "-c", "from pairvae_lib.cli import main; main()", "check", str(folder)]
    outcome = tried(lambda: os.execv(words[0], [*words, "--profile", "tiny"]), limit=300)
    shutil.rmtree(folder.parent)
    used = f"{make.__name__} as {column}: {outcome.worked:.0f} s, {outcome.peak / 2**30:.2f} GiB"
    fault = ""
    if not outcome.is_answer:
        fault = f"{used}, exit {outcome.code}: {outcome.said[-300:]}"
    elif outcome.worked > LONGEST or outcome.peak > LARGEST:
        fault = used
    return Trial("bombs, as scattering and as micrograph", fault)


SIZES = (100, 3000, 50_000)  # bytes, of the largest file
ROOMS = (0.0, 0.1, 0.4, 0.8)  # of what a command leaves


def limited_size(world: World, number: int, rng: random.Random) -> Trial:
    """A command that may write files up to a size only, and then again without that limit."""
    name, size = list(world.commands)[number // len(SIZES)], SIZES[number % len(SIZES)]
    out = world.folder(name)
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
    # What is said goes into a file, too: only what is left is looked at.
    first, again = tried(world.line(name, out), limit), tried(world.line(name, out))
    fault = survivors(out)
    if first.code not in (0, 1, 2, CRASHED) or again.code or digests(out) != world.expected(name)[0]:
        fault += f"exit {first.code}, then {again.code}: {again.said[-300:]}"
    shutil.rmtree(out)
    return Trial("files no larger than a limit", f"{name}, {size} bytes: {fault}" if fault else "")


def can_mount() -> bool:
    """Whether this process may mount a small disk."""
    with tempfile.TemporaryDirectory() as place:
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place]
        if sys.platform != "linux" or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
            return False
        subprocess.run(["umount", place], check=True)
        return True


def small_disk(world: World, number: int, rng: random.Random) -> Trial:
    """A command on a disk that is nearly full, or read-only, and then again on the same disk with room."""
    name, kind = list(world.commands)[number // (len(ROOMS) + 1)], number % (len(ROOMS) + 1)
    wanted = world.expected(name)[0]
    disk = Path(tempfile.mkdtemp(dir=world.root))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=True)
    try:
        out = world.folder(name, disk / "out")
        before = digests(out)
        if kind < len(ROOMS):
            left = sum(path.stat().st_size for path in world._undisturbed(name).rglob("*") if path.is_file())
            room = int(ROOMS[kind] * (left - sum(path.stat().st_size for path in out.rglob("*") if path.is_file())))
            fill(disk, room)
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        first = tried(world.line(name, out))
        there = digests(out)
        half = [key for key in there if there[key] not in (before.get(key), wanted.get(key))]
        half = [key for key in half if ".training/" not in key and not key.endswith((".partial", "log.jsonl"))]
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        (disk / "filler").unlink(missing_ok=True)
        again = tried(world.line(name, out))
        fault = survivors(out)
        if not first.is_answer or half or again.code or digests(out) != wanted:
            odd = sorted(key for key, digest in digests(out).items() if digest != wanted.get(key))
            fault += f"exit {first.code}, half-written {half}: {first.said[-300:]}; then {again.code}, {odd}"
            fault += again.said[-300:] if again.code else ""
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=False)
    how = f"room for {ROOMS[kind]:.0%}" if kind < len(ROOMS) else "read-only"
    row = "full disk" if kind < len(ROOMS) else "read-only folder"
    return Trial(row, f"{name}, {how}: {fault}" if fault else "")


def fill(disk: Path, room: int) -> None:
    """Write a file until a disk has no more than so many bytes left."""
    about = os.statvfs(disk)
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            file.write(bytes(max(about.f_bavail * about.f_frsize - room, 0)))
            while not room:
                file.write(bytes(about.f_frsize))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


class Table:
    """What was tried so far, as it is written down."""

    def __init__(self, out: Path, numbers: dict[str, int]):
        self.out, self.numbers = out, numbers
        self.done: dict[str, dict[str, Row]] = {}  # part to its rows
        self.minutes, self._began = 0.0, time.monotonic()
        self.commits = [commit_of(project_root())]

    def read(self, without: list[str]) -> None:
        """Take what an earlier run has tried, but for some parts."""
        known = json.loads(self.out.read_text())
        if {key: known[key] for key in self.numbers} != self.numbers:
            raise ValueError(f"{self.out} is of a run with other numbers than {self.numbers}: it cannot go on")
        self.minutes = known["minutes"]
        self.commits = list(dict.fromkeys([*known["commits"], *self.commits]))
        for row in known["rows"]:
            if row["part"] not in without:
                faults = [fault for fault in known["faults"].get(row["row"], [])]
                found = Row(row["tried"], row["killed"], faults + ["not kept"] * (row["faults"] - len(faults)))
                self.done.setdefault(row["part"], {})[row["row"]] = found

    def tried(self, part: str) -> int:
        """How many trials of a part were made."""
        return sum(row.tried for row in self.done.get(part, {}).values())

    def add(self, part: str, trial: Trial) -> None:
        """Count one more."""
        row = self.done.setdefault(part, {}).setdefault(trial.row, Row())
        row.tried, row.killed = row.tried + 1, row.killed + trial.killed
        row.faults += [trial.fault] if trial.fault else []

    def write(self) -> None:
        """Write the table as far as it has come."""
        named = [(part, name, row) for part, rows in self.done.items() for name, row in sorted(rows.items())]
        rows = [
            {"part": part, "row": name, "tried": row.tried, "killed": row.killed, "faults": len(row.faults)}
            for part, name, row in named
        ]
        where = {"commits": self.commits, "system": platform.system(), "machine": platform.machine()}
        faults = {name: [fault[:500] for fault in row.faults[:3]] for _, name, row in named if row.faults}
        minutes = round(self.minutes + (time.monotonic() - self._began) / 60, 1)
        write_json(self.out, self.numbers | {"minutes": minutes, **where, "rows": rows, "faults": faults})


def main() -> int:
    """Run all parts; the number of faults decides the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=240, help="half of them at random moments, half at events")
    parser.add_argument("--inputs", type=int, default=5200)
    parser.add_argument("--out", type=Path, default=Path("results/stress.json"))
    parser.add_argument("--go-on", action="store_true", help="go on where the file of results ends")
    parser.add_argument("--again", nargs="+", default=[], metavar="PART", help="as --go-on, but these parts anew")
    parser.add_argument("--only", nargs="+", default=[], metavar="PART", help="these parts only")
    given = parser.parse_args()
    torch.set_num_threads(1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # folders are removed
    table = Table(given.out, {"seed": given.seed, "kills": given.kills, "inputs": given.inputs})
    if given.go_on or given.again:
        table.read(without=given.again)
    share = {"files": given.inputs * 6 // 10, "manifests": given.inputs // 5, "models": given.inputs // 10}
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place).resolve())
        few = write_pairs(world.root / "few", 3)
        options = world.root / "options"
        options.mkdir()
        readers = formats(world.root / "formats")
        commands, disks = len(world.commands), len(ROOMS) + 1
        parts = [
            Part("files", share["files"], partial(broken_file, world.root / "formats", readers)),
            Part("manifests", share["manifests"], partial(broken_manifest, few, (few / "manifest.csv").read_bytes())),
            Part("models", share["models"], partial(broken_model, world)),
            Part("options", given.inputs - sum(share.values()), partial(odd_options, world, options)),
            Part("bombs", len(bombs()), partial(bomb, world)),
            Part("events", given.kills // 2, partial(killed, world, True)),
            Part("moments", given.kills - given.kills // 2, partial(killed, world, False)),
            Part("sizes", commands * len(SIZES), partial(limited_size, world)),
            Part("disks", commands * disks if can_mount() else 0, partial(small_disk, world)),
        ]
        parts = [part for part in parts if not given.only or part.name in given.only]
        while [part for part in parts if table.tried(part.name) < part.count]:
            for part in parts:  # in turns, so that a run that is cut short has tried a part of everything
                end = time.monotonic() + TURN
                while time.monotonic() < end and (number := table.tried(part.name)) < part.count:
                    trial = part.trial(number, random.Random(f"{given.seed} {part.name} {number}"))
                    table.add(part.name, trial)
                    if trial.fault:
                        print(f"{trial.row}: {trial.fault}", file=sys.stderr, flush=True)
                table.write()
    rows = [(name, row) for rows in table.done.values() for name, row in rows.items()]
    for name, row in rows:
        print(f"{name:<60} {row.tried:>6} {len(row.faults):>6}")
    tried_, faults = sum(row.tried for _, row in rows), sum(len(row.faults) for _, row in rows)
    print(f"{'all':<60} {tried_:>6} {faults:>6}\n{given.out}")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
