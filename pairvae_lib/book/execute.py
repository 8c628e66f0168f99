"""Run a chapter: check its parameters, make what it needs, execute it, and leave either all of its result or none."""

from __future__ import annotations

import ast
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from hashlib import sha256
from math import isfinite
from pathlib import Path
from shutil import rmtree

import papermill
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from pairvae_lib.book.chapters import chapter_named, chapter_text, needs, numbers_hash, product, upstream
from pairvae_lib.bundles.kinds import KINDS
from pairvae_lib.checks import check_range
from pairvae_lib.data.folder import listed_pairs
from pairvae_lib.data.modality import WHOLE
from pairvae_lib.data.reading.samples import UNLABELLED
from pairvae_lib.data.simulation.morphologies import MORPHOLOGIES
from pairvae_lib.files.locks import locked
from pairvae_lib.files.runs import SIMULATED, TERMINAL, Run, content_hash, project_root, results_root
from pairvae_lib.files.writing import FULL, CannotWrite, replacing
from pairvae_lib.models.precision import chapter_arithmetic
from pairvae_lib.models.protocol import split_samples

Value = int | float | str | bool | None
LARGEST_COUNT = 10_000  # pairs, members of ensembles, steps
PATIENCE = 600  # s for the answers of the process that runs the cells: the machine may have much else to do
FLOW_CHAPTERS = ("10_applications",)

_KINDS: Mapping[str, type] = {"int": int, "float": float, "str": str, "bool": bool}
_BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}


class ChapterFailed(RuntimeError):
    """A cell of a chapter raised an error, or its process ended; the message says which, and what is left."""


def run_chapter(
    notebook: str,
    given: Sequence[tuple[str, str]] = (),
    *,
    profile: str = "quick",
    make_missing: bool = True,
    report: Callable[[str], None] = print,
) -> Path:
    """Execute a chapter with its parameters, and before it those whose products are missing or out of date.

    Parameters
    ----------
    notebook : str
        Name, number, or path of the text.
    given : sequence of (name, text)
        Parameters as a user types them.
    make_missing : bool
        False to refuse when a product is missing, instead of making it.
    report : callable
        Takes one line for the user.

    Returns
    -------
    Path
        The executed notebook.

    Raises
    ------
    ChapterInUse
        If another process runs one of these chapters in the same folder.
    ChapterFailed
        If a cell fails, or the process that runs the cells ends.
    CannotWrite
        If the disk is full or the folder cannot be written. What was finished stays, also of a training.
    """
    name = chapter_named(notebook)
    if any(key == "profile" for key, _ in given):
        raise ValueError("profile is given with --profile, not with -p")
    declared = declared_parameters(chapter_text(name))
    values = parsed_parameters(declared, given) | {"profile": profile}
    defaults = {key: parameter.default for key, parameter in declared.items()}
    run = run_of(defaults | values)
    _check_split(run, name)
    for needed in upstream(name):
        made = product(run, needed)
        assert made is not None, f"{needed} is needed by others and has no product"
        if not made.exists():
            if not make_missing:
                run.require(made, needed)
            report(f"products of {needed} are missing: running it first")
        elif make_missing and is_stale(run, needed):
            report(f"products of {needed} come from other code or input: running it first")
        else:
            continue
        known = declared_parameters(chapter_text(needed))
        _execute(run, needed, {key: value for key, value in values.items() if key in known}, report)
    return _execute(run, name, values, report)


def _check_split(run: Run, name: str) -> None:
    """Raise ValueError unless there are pairs to train on and to hold out, before any chapter is run."""
    if run.data == SIMULATED:
        count = run.settings.simulation.n_pairs
        morphologies, groups = [MORPHOLOGIES[index % len(MORPHOLOGIES)] for index in range(count)], None
        sample_ids = tuple(f"sim{index:04d}" for index in range(count))
    else:
        dataset = listed_pairs(run.data_folder)
        morphologies, groups = list(dataset.morphologies or (UNLABELLED,) * len(dataset)), dataset.groups
        sample_ids = dataset.sample_ids
        dataset.place("mask"), dataset.place(*WHOLE)  # what the chapters are about
    if name >= "03":
        split = split_samples(sample_ids, morphologies, groups, run.seed, run.n_train, run.held_out)
        for kind in ("pairvae", "flow") if name in FLOW_CHAPTERS else ("pairvae",):
            KINDS[kind].check(split, run.settings)


def run_of(values: Mapping[str, Value]) -> Run:
    """The run that parameters of a chapter belong to; those that are the chapter's own do not matter."""
    return Run(**{field.name: values[field.name] for field in fields(Run) if field.name in values})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell."""

    name: str
    kind: type  #: int, float, str or bool
    optional: bool  #: whether it may be None
    default: Value

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        words = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}
        return words[self.kind] + (" or none" if self.optional else "")

    def value(self, given: str) -> Value:
        """What a user has typed, as a value of this parameter."""
        if self.optional and given.lower() == "none":
            return None
        try:
            value = _BOOLEANS[given.lower()] if self.kind is bool else self.kind(given)
        except (ValueError, KeyError):
            raise ValueError(f"{self.name} must be {self.expected}; got {given!r}") from None
        if self.kind is int and self.name != "seed":
            check_range(self.name, value, 1, LARGEST_COUNT)
        if self.kind is float and not isfinite(value):
            raise ValueError(f"{self.name} must be finite; got {given!r}")
        return value


def declared_parameters(notebook: NotebookNode) -> dict[str, Parameter]:
    """The parameters that a notebook declares, by name."""
    cells = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    if len(cells) != 1:
        raise ValueError(f"a chapter must have one cell tagged 'parameters'; got {len(cells)}")
    return {item.name: item for item in map(_declared, ast.parse(cells[0]).body)}


def parsed_parameters(declared: Mapping[str, Parameter], given: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """Values of declared parameters from (name, text) as a user types them; `data` becomes an absolute path."""
    values: dict[str, Value] = {}
    for name, text in given:
        if name not in declared:
            known = ", ".join(other for other in declared if other != "profile")  # that one is an option of its own
            raise ValueError(f"there is no parameter {name!r} (given: {text!r}); known here: {known}")
        if name in values:
            raise ValueError(f"parameter {name!r} is given twice: {values[name]!r} and {text!r}")
        values[name] = declared[name].value(text)
    if isinstance(data := values.get("data"), str) and data != SIMULATED:
        values["data"] = str(Path(data).resolve())  # a notebook works in another folder than its caller
    return values


def made_file(run: Run, name: str) -> Path:
    """Beside the executed notebook: a digest of the chapter's product, for whom it matters whether that changed."""
    return run.notebook(name).with_suffix(".made")


def _declared(line: ast.stmt) -> Parameter:
    """The parameter that one line of the cell declares."""
    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None:
        name, annotation = line.target.id, ast.unparse(line.annotation)
    elif isinstance(line, ast.Assign) and len(line.targets) == 1 and isinstance(line.targets[0], ast.Name):
        name, annotation = line.targets[0].id, ""
    else:
        raise ValueError(f"a parameter must be declared as 'name: type = value'; got {ast.unparse(line)!r}")
    assert line.value is not None
    try:
        default: Value = ast.literal_eval(line.value)
    except ValueError:
        raise ValueError(f"the value of parameter {name!r} must be a constant; got {ast.unparse(line)!r}") from None
    # The parameters of a run have the types that `Run` states, with or without an annotation in the notebook.
    annotation = annotation or str(Run.__annotations__.get(name, type(default).__name__))
    kinds = [word.strip() for word in annotation.split("|")]
    known = [kind for kind in kinds if kind in _KINDS]
    if len(known) != 1 or set(kinds) - {known[0], "None"}:
        raise ValueError(f"parameter {name!r} must have one of the types {', '.join(_KINDS)}; got {annotation!r}")
    return Parameter(name, _KINDS[known[0]], "None" in kinds, default)


def _execute(run: Run, name: str, values: Mapping[str, Value], report: Callable[[str], None]) -> Path:
    """Execute one chapter in its folder, under lock."""
    target = run.notebook(name)
    partial = target.with_name(f".{name}.partial.ipynb")
    failed = target.with_name(f"{name}.failed.ipynb")
    text = chapter_text(name)
    declared = declared_parameters(text)
    # Values that the text holds already are not injected: a default run is the text itself, executed.
    changed = {key: value for key, value in values.items() if value != declared[key].default}
    if run.settings.precision == "auto" and name == "03_solo_vae" and not run.solo_file.exists():
        report(_expected(run))
    with locked(target), _surroundings(run):
        _remove_leftovers(run, name)
        _set_stale_aside(run, name, report)
        try:
            papermill.execute_notebook(
                text,
                str(partial).replace("{", "{{").replace("}", "}}"),  # papermill fills in braces of a path
                parameters=changed,
                kernel_name="python3",
                cwd=project_root() / "notebooks",
                progress_bar={"desc": name} if sys.stderr.isatty() else False,
                extra_arguments=["--log-level=ERROR"],
                request_save_on_cell_execute=False,  # it is hidden until it is complete, and large
                autosave_cell_every=0,
                start_timeout=PATIENCE,
                iopub_timeout=PATIENCE,
            )
        except PapermillExecutionError as error:
            unwritten = _unwritten(error, target.parent)
            if unwritten:
                partial.unlink(missing_ok=True)
                raise CannotWrite(f"{unwritten}; what was finished is kept, and the same command goes on") from None
            partial.replace(failed)
            cell = f"{error.source}\n\n{error.ename}: {error.evalue}"
            raise ChapterFailed(f"{name} failed in this cell:\n\n{cell}\n\nexecuted so far: {failed}") from None
        except RuntimeError as error:  # of the kernel: the system ended it, or it never started
            partial.unlink(missing_ok=True)
            raise ChapterFailed(
                f"{name}: the process that runs its cells has ended ({error}), perhaps for want of memory; what was "
                "finished is kept, and the same command goes on"
            ) from None
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        made = product(run, name)
        if made is not None and not made.exists():
            partial.replace(failed)
            raise ChapterFailed(f"{name} ran, but did not write {made}\n\nexecuted: {failed}")
        with replacing(made_file(run, name)) as file:
            file.write(_digest(made).encode() + b"\n")
        partial.replace(target)
        failed.unlink(missing_ok=True)
    return target


def _expected(run: Run) -> str:
    """How long training will take, where that depends much on the processor."""
    from pairvae_lib.data.pairs import PreparedPairs
    from pairvae_lib.models.protocol import expected_time, split_pairs

    pairs = PreparedPairs.load(run.pairs_file)
    train = split_pairs(pairs, run.seed, run.n_train, run.held_out).train
    return f"chapters 3 and 4: {expected_time(pairs, train, run.settings, run.seed)}"


def _unwritten(error: PapermillExecutionError, folder: Path) -> str:
    """What a cell could not write and why, or "" if that is not what stopped it."""
    *_, told = error.evalue.rpartition("cannot write ")
    if told != error.evalue and error.ename in ("OSError", CannotWrite.__name__):
        return f"cannot write {told.removesuffix('; what was there before is kept')}"
    number = re.match(r"\[Errno (\d+)\] ([^:]*)", error.evalue)
    return f"cannot write into {folder}: {number[2]}" if number and int(number[1]) in FULL else ""


def _made_here(run: Run, name: str) -> Path | None:
    """What a chapter writes among the results, if it does: a user's own data lie elsewhere."""
    made = product(run, name)
    return made if made is not None and made.is_relative_to(results_root()) else None


def _remove_leftovers(run: Run, name: str) -> None:
    """Remove what a killed run of the chapter had begun to write: with the chapter locked nobody else writes it."""
    made = _made_here(run, name)
    patterns = [f".*{name}.*.partial", *([f".{made.stem}.*.partial"] if made is not None else [])]
    for path in (found for pattern in patterns for found in run.notebook(name).parent.glob(pattern)):
        _remove(path, ignore_errors=True)


def _digest(made: Path | None) -> str:
    """A digest of what a chapter has made."""
    if made is None or not made.exists():
        return "nothing"
    return content_hash(made) if made.is_dir() else sha256(made.read_bytes()).hexdigest()[:12]


def _origin(run: Run, name: str) -> dict[str, str]:
    """What the product of a chapter follows from, beside the parameters that its path names."""
    origin = {"code": numbers_hash(name, run.profile)}
    return origin | {needed: _digest(product(run, needed)) for needed in needs(name)}


def _origin_file(run: Run, name: str) -> Path:
    """Where the origin of a product, finished or begun, is noted."""
    return run.notebook(name).with_name(f".{name}.origin.json")


def is_stale(run: Run, name: str) -> bool:
    """Whether a chapter's product was made by other code or from other input than there is now."""
    noted = _origin_file(run, name)
    known = _made_here(run, name) is not None and noted.exists()
    return known and json.loads(noted.read_text(encoding="utf-8")) != _origin(run, name)


def _set_stale_aside(run: Run, name: str, report: Callable[[str], None]) -> None:
    """Rename a stale product, finished or begun: no old number in a new result. Note the origin of the new one."""
    made = _made_here(run, name)
    if made is None:
        return
    for path in [made, *made.parent.glob(f"{made.stem}*.partial")] if is_stale(run, name) else []:
        if path.exists():
            old = path.with_name(f"{path.name}.old")
            _remove(old)
            path.rename(old)
            report(f"{path} comes from other code or input: making it anew, keeping that as {old.name}")
    with replacing(_origin_file(run, name)) as file:
        file.write(json.dumps(_origin(run, name)).encode() + b"\n")


def _remove(path: Path, ignore_errors: bool = False) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        rmtree(path, ignore_errors)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _surroundings(run: Run) -> Iterator[None]:
    """What the kernel inherits: one thread and arithmetic, absolute paths, this environment's Python."""
    # It cannot read `int | None` and then calls a parameter unknown that `parsed_parameters` has checked.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    before = dict(os.environ)
    os.environ |= chapter_arithmetic(run.settings.precision) | {
        "OMP_NUM_THREADS": "1",
        "PAIRVAE_RESULTS": str(results_root()),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    if sys.stderr.isatty():
        os.environ[TERMINAL] = os.ttyname(sys.stderr.fileno())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before
