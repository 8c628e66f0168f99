"""A stress test of every command: kills, broken inputs, bombs, full disks. `make stress` runs it, `make test` does not.

Everything follows from the seed but the moments of the random kills. Each trial runs in a process that is forked from
this one, in a folder of its own. The table is printed, and written as JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from io import StringIO
from pathlib import Path

import h5py
import numpy as np
import tifffile
import torch
from detector_files import counts, write_cbf, write_edf, write_nexus, write_nxcansas, write_poni
from lab import write_pairs, write_profile
from PIL import Image

import pairvae_lib.book.execute as execute
import pairvae_lib.bundles.report
import pairvae_lib.bundles.watch  # noqa: F401
from pairvae_lib import cli
from pairvae_lib.bundles.bundle import load_bundle
from pairvae_lib.config import PROFILES, Simulation
from pairvae_lib.data.inspection import inspected
from pairvae_lib.data.reading import process
from pairvae_lib.data.reading.images import image_header, image_pixels
from pairvae_lib.data.reading.patterns import calibration
from pairvae_lib.data.reading.profiles import read_profile
from pairvae_lib.files.arrays import write_json

TINY = PROFILES["tiny"] = replace(PROFILES["tiny"], simulation=Simulation(size="quick", n_pairs=1))
CRASHED = 70  # exit code of a trial that ends in an error that no message stands for
LONGEST, LARGEST = 20.0, 2**30  # s and bytes that one file may take
EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.truncate")
TURN = 20.0  # s of one part, before the next has its turn
MANY_EVENTS = {"train": 60, "train --model flow": 25, "simulate": 15, "check": 4, "report": 4}
WORDS = ["", "0", "-1", "nan", "inf", "1e308", "99999999999999999999", "none", "a,b", "../..", "é→"]
WORDS += ["x" * 300, "\udcff"]


@dataclass(eq=False)
class Row:
    """One line of the table."""

    part: str
    tried: int = 0
    killed: int = 0  # of these, before they were done
    faults: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """How a trial ended."""

    code: int  # exit code; -9 of one that was killed; None stands for no end
    said: str
    seconds: float
    worked: float = 0.0  # s of the processor, of all its processes
    peak: int = 0  # bytes, of the largest of its processes


def trial(
    job: Callable[[], object], before: Callable[[], object] = lambda: None, kill: float = 0.0, limit: float = 180.0
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


def killed_at(number: int, folder: Path) -> Callable[[], None]:
    """Kill this process just before it changes files of a folder for the n-th time."""

    def before() -> None:
        seen = 0

        def hook(event: str, args: tuple) -> None:
            nonlocal seen
            if event not in EVENTS or str(folder) not in str(args[0]):
                return
            if event == "open" and not (isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)):
                return
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)

    return before


class World:
    """Small pairs, a model trained on them, and each command with what it leaves when nothing disturbs it."""

    def __init__(self, root: Path):
        self.root = root
        self.pairs = write_pairs(root / "pairs")
        self.model = root / "model"
        self._must(command("train", self.pairs, "--out", self.model, "--profile", "tiny"))
        for words in (  # here, so that the trials, which are forked, find everything imported
            ("report", self.model, "--data", self.pairs, "--out", root / "warm.html"),
            ("reconstruct", self.model, self.pairs / "saxs/s00.png", "--from", "saxs", "--out", root / "warm"),
            ("train", self.pairs, "--out", root / "warm model", "--profile", "tiny", "--model", "flow"),
            ("simulate", "--profile", "tiny", "--out", root / "warm data"),
        ):
            with suppress(SystemExit), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                cli.main([str(word) for word in words])
        process._end()
        files = [self.pairs / f"saxs/s{i:02d}.png" for i in range(3)]
        given = (self.model, *files, "--from", "saxs", "--out", "{out}", "--samples", 4)
        self.commands: dict[str, tuple[object, ...]] = {
            "check": ("check", self.pairs, "--profile", "tiny", "--out", "{out}/report.html"),
            "simulate": ("simulate", "--profile", "tiny", "--out", "{out}/data"),
            "train": ("train", self.pairs, "--profile", "tiny", "--out", "{out}/model"),
            "train --model flow": ("train", self.pairs, "--profile", "tiny", "--out", "{out}/model", "--model", "flow"),
            "report": ("report", self.model, "--data", self.pairs, "--out", "{out}/report.html"),
            "reconstruct": ("reconstruct", *given),
            "generate": ("generate", *given[:-2]),
            "watch": ("watch", self.pairs / "saxs", "--model", self.model, "--out", "{out}", "--once", "--samples", 4),
        }
        self._expected: dict[str, tuple[dict[str, str], float]] = {}

    def expected(self, name: str) -> tuple[dict[str, str], float]:
        """What a command leaves when nothing disturbs it, and how many seconds it takes."""
        if name not in self._expected:
            out = self.root / "undisturbed" / name.replace(" ", "")
            out.mkdir(parents=True)
            took = self._must(self.line(name, out)).seconds
            self._expected[name] = (digests(out), took)
        return self._expected[name]

    def line(self, name: str, out: Path) -> Callable[[], object]:
        """A command that writes into a folder."""
        return command(*(str(word).replace("{out}", str(out)) for word in self.commands[name]))

    def _must(self, job: Callable[[], object]) -> Outcome:
        """The outcome of what must not fail."""
        outcome = trial(job)
        if outcome.code:
            raise RuntimeError(outcome.said)
        return outcome


def digests(folder: Path) -> dict[str, str]:
    """What a folder holds, by name: without times, dates and locks."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        content = path.read_bytes()
        if path.name == "log.jsonl":
            lines = [json.loads(line) for line in content.decode().splitlines()]
            content = repr(sorted((line["file"], line["status"]) for line in lines)).encode()
        elif path.name in ("config.json", "card.md"):  # hold dates and seconds; the numbers stand in the other files
            content = b""
        if not path.name.endswith(".lock"):
            found[name] = sha256(content).hexdigest()
    return found


def kills(world: World, rng: random.Random, count: int, at_events: bool) -> Iterator[Row]:
    """Every command killed, and run again until it is done: what it leaves must be what it leaves undisturbed."""
    when = "at file-system events" if at_events else "at random moments"
    rows = [(name, Row(f"killed {when}: {name}")) for name in world.commands]
    for name, row in [rows[index % len(rows)] for index in range(count)]:
        wanted, took = world.expected(name)
        out = Path(tempfile.mkdtemp(dir=world.root))
        row.tried += 1
        if at_events:
            number = rng.randint(1, MANY_EVENTS.get(name, 12))
            first = trial(world.line(name, out), killed_at(number, out))
            how = f"event {number}"
        else:
            moment = rng.uniform(0.02, took)
            first = trial(world.line(name, out), kill=moment)
            how = f"{moment:.2f} s"
        again = first if first.code == 0 else trial(world.line(name, out))
        row.killed += first.code == -signal.SIGKILL
        if first.code not in (0, -signal.SIGKILL) or again.code:
            row.faults.append(f"{how}: exit {first.code}, then {again.code}: {(first.said + again.said)[-300:]}")
        elif (found := digests(out)) != wanted:
            odd = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
            row.faults.append(f"{how}: differs in {', '.join(odd[:5])}")
        shutil.rmtree(out)
        yield row


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


@contextmanager
def answered(row: Row, what: str) -> Iterator[None]:
    """A trial in this process: it must end in time, in a result or in a ValueError."""
    began = time.process_time()
    row.tried += 1
    try:
        yield
    except (ValueError, FileNotFoundError, FileExistsError):
        pass
    except BaseException as error:
        row.faults.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")
        if isinstance(error, KeyboardInterrupt):
            raise
    if time.process_time() - began > LONGEST:
        row.faults.append(f"{what}: took {time.process_time() - began:.0f} s")


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


def broken_files(world: World, rng: random.Random, count: int) -> Iterator[Row]:
    """Files of every format with changes."""
    folder = world.root / "formats"
    readers = formats(folder)
    for index, (name, read) in enumerate(readers.items()):
        row, whole = Row(f"changed file: {name}"), (folder / name).read_bytes()
        for number in range(count // len(readers) + (index < count % len(readers))):
            yield row
            path = folder / f"changed{Path(name).suffix}"
            path.write_bytes(mutated(whole, rng))
            with answered(row, str(number)):
                read(path)


def broken_manifests(world: World, rng: random.Random, count: int) -> Iterator[Row]:
    """Tables with changes."""
    folder = write_pairs(world.root / "few", 3)
    whole, row = (folder / "manifest.csv").read_bytes(), Row("changed manifest")
    for number in range(count):
        (folder / "manifest.csv").write_bytes(mutated(whole, rng))
        with answered(row, str(number)):
            inspected(folder, TINY)
        yield row


def broken_models(world: World, rng: random.Random, count: int) -> Iterator[Row]:
    """Folders of models with changes; the digest of the numbers is put right, so that more than it is tried."""
    row, folder = Row("changed model"), world.root / "changed model"
    for number in range(count):
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
        with answered(row, f"{number}, {path.name}"):
            load_bundle(folder)
        yield row


def odd_options(world: World, rng: random.Random, count: int) -> Iterator[Row]:
    """Command lines with odd values; chapters are checked, and not run."""
    options = ["--out", "--seed", "--samples", "--n-train", "--held-out", "--profile", "--from", "--to", "--beam"]
    options += ["--q-unit", "--q-scale", "--image-rows", "--nm-per-pixel", "--poni", "--threads"]
    options += ["--model", "--data", "--workers", "--poll", "--variance", "--count", "--json", "--strict", "--help"]
    starts = [("check", world.pairs), ("reconstruct", world.model, world.pairs / "saxs/s00.png", "--from", "saxs")]
    starts += [("report", world.model), ("generate", world.model, world.pairs / "saxs/s00.png", "--from", "saxs")]
    starts += [("watch", world.pairs / "none"), ("simulate", "--profile", "huge"), ("train", world.root / "none")]
    starts += [("run", "03"), ("run", "10"), ("sweep", "--data", "none"), ("claims", "--data", "none"), ("export",)]
    names = ["seed", "n_train", "held_out", "data", "protocol", "members", "steps", "profile", "published"]
    row, place = Row("odd options"), world.root / "options"
    place.mkdir()

    def before() -> None:
        os.chdir(place)
        execute._execute = lambda *_: Path("not run")

    for _ in range(count):
        words = [str(word) for word in rng.choice(starts)]
        for _ in range(rng.randint(0, 3)):
            if words[0] == "run":
                words += ["-p", rng.choice(names), rng.choice(WORDS)]
            else:
                words += [rng.choice(options), rng.choice(WORDS)]
        outcome = trial(command(*words), before, limit=60)
        row.tried += 1
        if outcome.code not in (0, 1, 2) or "Traceback" in outcome.said:
            row.faults.append(f"{words}: exit {outcome.code}: {outcome.said[-300:]}")
        yield row


def bombs(world: World) -> Iterator[Row]:
    """Small files that would take endless time or memory."""

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
    kinds += [(packed_edf, ".edf"), (sparse_array, ".npy"), (long_tail, ".npy"), (long_text, ".dat")]
    kinds += [(large_image, ".npy")]
    row = Row("bombs, as scattering and as micrograph")
    for make, suffix in kinds:
        for column in ("saxs", "sem") if suffix != ".dat" else ("saxs",):
            folder = write_pairs(Path(tempfile.mkdtemp(dir=world.root)) / "pairs", 9)
            make(folder / f"bomb{suffix}")
            table = (folder / "manifest.csv").read_text()
            files = [f"{column}/s00.png"] if suffix != ".dat" else [f"saxs/s{i:02d}.png" for i in range(9)]
            for name in files:
                table = table.replace(name, f"bomb{suffix}")
            (folder / "manifest.csv").write_text(table)
            words = [sys.executable, "-c", "from pairvae_lib.cli import main; main()", "check", str(folder)]
            outcome = trial(lambda words=words: os.execv(words[0], [*words, "--profile", "tiny"]), limit=120)
            row.tried += 1
            used = f"{make.__name__} as {column}: {outcome.worked:.0f} s, {outcome.peak / 2**30:.2f} GiB"
            if outcome.code not in (0, 2) or "Traceback" in outcome.said:
                row.faults.append(f"{used}, exit {outcome.code}: {outcome.said[-300:]}")
            elif outcome.worked > LONGEST or outcome.peak > LARGEST:
                row.faults.append(used)
            shutil.rmtree(folder.parent)
            yield row


def full_disks(world: World) -> Iterator[Row]:
    """Commands that may write files up to a size only, on a small disk, and into a folder that is read-only."""
    sizes = Row("files no larger than a limit")
    for name in world.commands:
        for size in (100, 3000, 50_000):
            out = Path(tempfile.mkdtemp(dir=world.root))
            limit = lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # noqa: E731
            # What is said goes into a file, too: only what is left is looked at.
            outcome = trial(world.line(name, out), limit)
            again = trial(world.line(name, out))
            sizes.tried += 1
            if outcome.code not in (0, 1, 2, CRASHED) or again.code or digests(out) != world.expected(name)[0]:
                sizes.faults.append(f"{name}, {size} bytes: {outcome.code}, then {again.code}: {again.said[-300:]}")
            shutil.rmtree(out)
            yield sizes
    disk = world.root / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        return
    try:
        full, closed = Row("full disk"), Row("read-only folder")
        for name in world.commands:
            for row, options in ((full, "rw,size=64k"), (closed, "ro")):
                out = disk / f"{row.part} {name}".replace(" ", "-")
                subprocess.run(["mount", "-o", "remount,rw,size=64k", str(disk)], check=True)
                out.mkdir()
                (disk / "filler").write_bytes(bytes(40_000))
                subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)
                outcome = trial(world.line(name, out))
                row.tried += 1
                left = digests(out)
                wrong = [key for key in left if left[key] != world.expected(name)[0].get(key)]
                wrong = [key for key in wrong if ".training/" not in key and key != "log.jsonl"]
                if outcome.code not in (0, 2) or "Traceback" in outcome.said or wrong:
                    row.faults.append(f"{name}: exit {outcome.code}, left {wrong}: {outcome.said[-300:]}")
                subprocess.run(["mount", "-o", "remount,rw,size=64k", str(disk)], check=True)
                for path in disk.iterdir():
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                yield row
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def main() -> int:
    """Run all parts; the number of faults decides the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=240, help="half of them at random moments, half at events")
    parser.add_argument("--inputs", type=int, default=5200)
    parser.add_argument("--out", type=Path, default=Path("results/stress.json"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    began = time.monotonic()
    drawn = lambda part: random.Random(f"{given.seed} {part}")  # noqa: E731
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place).resolve())
        share = {"files": given.inputs * 6 // 10, "manifests": given.inputs // 5, "models": given.inputs // 10}
        rest = given.inputs - sum(share.values())
        parts = [
            broken_files(world, drawn("files"), share["files"]),
            broken_manifests(world, drawn("manifests"), share["manifests"]),
            broken_models(world, drawn("models"), share["models"]),
            odd_options(world, drawn("options"), rest),
            bombs(world),
            kills(world, drawn("events"), given.kills // 2, at_events=True),
            kills(world, drawn("moments"), given.kills - given.kills // 2, at_events=False),
            full_disks(world),
        ]
        while parts:  # in turns, so that a run that is cut short has tried a part of everything
            for part in list(parts):
                end = time.monotonic() + TURN
                for row in part:
                    if row not in rows:
                        rows.append(row)
                    if time.monotonic() > end:
                        break
                else:
                    parts.remove(part)
                write_table(given.out, rows, given.seed, began)
    write_table(given.out, rows, given.seed, began)
    for row in rows:
        print(f"{row.part:<60} {row.tried:>6} {len(row.faults):>6}", *row.faults[:3], sep="\n    ")
    tried, faults = sum(row.tried for row in rows), sum(len(row.faults) for row in rows)
    print(f"{'all':<60} {tried:>6} {faults:>6}\n{given.out}")
    return int(faults > 0)


def write_table(out: Path, rows: list[Row], seed: int, began: float) -> None:
    """Write the table as far as it has come."""
    table = {
        "seed": seed,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "rows": [
            {"part": row.part, "tried": row.tried, "killed": row.killed, "faults": len(row.faults)} for row in rows
        ],
        "first_faults": [f"{row.part}: {fault}"[:500] for row in rows for fault in row.faults[:3]],
    }
    write_json(out, table)


if __name__ == "__main__":
    sys.exit(main())
