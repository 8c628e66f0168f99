from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from lab import write_pairs
from throwaway import edit, make_checkout, no_file_larger_than

from pairvae_lib.book import execute as runner
from pairvae_lib.book.execute import ChapterFailed, made_file, run_chapter
from pairvae_lib.book.sweep import raise_unwritten, sweeping
from pairvae_lib.checks import MissingResult
from pairvae_lib.files.locks import ChapterInUse, locked
from pairvae_lib.files.runs import Run
from pairvae_lib.files.writing import CannotWrite
from pairvae_lib.models.precision import fixed_arithmetic


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    return make_checkout(tmp_path, monkeypatch)


@pytest.fixture
def executed(monkeypatch):
    """Chapters that papermill would have executed, with their parameters; their products are made of the seed."""
    calls: list[tuple[str, dict[str, object]]] = []

    def execute(text, output, parameters, **_):
        name = text.cells[0].source.removeprefix("# ")
        calls.append((name, parameters))
        Path(output).write_text("executed")
        values = {"seed": 43, "n_train": None} | parameters
        run = runner.run_of(values)
        made = runner.product(run, name)
        if name == "01_data":
            made.mkdir(exist_ok=True)
        elif not made.exists():
            made.write_text(str(len(calls)))

    monkeypatch.setattr(runner.papermill, "execute_notebook", execute)
    return calls


def names(calls) -> list[str]:
    return [name for name, _ in calls]


def test_missing_products_are_made_first(checkout, executed):
    lines: list[str] = []
    path = run_chapter("04", report=lines.append)
    assert names(executed) == ["01_data", "02_preprocessing", "03_solo_vae", "04_pair_vae"]
    assert lines == [
        f"products of {name} are missing: running it first" for name in ("01_data", "02_preprocessing", "03_solo_vae")
    ]
    assert path == Run().notebook("04_pair_vae") and path.read_text() == "executed"


def test_generation_does_not_wait_for_evaluation(checkout, executed):
    run_chapter("06")
    assert "05_evaluation" not in names(executed)


def test_what_is_there_is_not_made_again_but_for_the_chapter_itself(checkout, executed):
    run_chapter("03")
    executed.clear()
    run_chapter("03")
    assert names(executed) == ["03_solo_vae"]


def test_only_values_that_differ_from_the_text_are_injected(checkout, executed):
    run_chapter("03", [("seed", "44"), ("n_train", "none")], profile="tiny")
    assert executed == [
        ("01_data", {"profile": "tiny"}),
        ("02_preprocessing", {"profile": "tiny"}),
        ("03_solo_vae", {"profile": "tiny", "seed": 44}),
    ]
    executed.clear()
    run_chapter("01", [("data", "simulated")], profile="quick")
    assert executed == [("01_data", {})]


def test_a_folder_of_data_needs_no_first_chapter(checkout, executed, tmp_path):
    write_pairs(tmp_path / "mine")
    run_chapter("02", [("data", str(tmp_path / "mine"))])
    assert names(executed) == ["02_preprocessing"]


def test_without_upstream_the_command_is_named(checkout, executed):
    with pytest.raises(MissingResult, match="make it with: pairvae run 01_data --profile tiny$"):
        run_chapter("03", profile="tiny", make_missing=False)
    assert executed == []


@pytest.mark.parametrize(
    ("notebook", "given", "profile", "message"),
    [
        ("9", [], "quick", "^notebook must be one of"),
        ("03", [("sed", "1")], "quick", "^there is no parameter 'sed'"),
        ("02", [("seed", "1")], "quick", "^there is no parameter 'seed' .* known here: data$"),
        ("03", [("seed", "x")], "quick", "^seed must be an integer"),
        ("03", [("profile", "tiny")], "quick", "^profile is given with --profile, not with -p$"),
        ("03", [], "huge", "^profile must be one of tiny, quick, standard, paper; got 'huge'$"),
        ("03", [("data", "nowhere")], "quick", "^data must be 'simulated' or a folder"),
    ],
)
def test_nothing_runs_with_a_wrong_word(checkout, executed, notebook, given, profile, message):
    with pytest.raises(ValueError, match=message):
        run_chapter(notebook, given, profile=profile)
    assert executed == [] and not (checkout / "results").exists()


def test_what_a_long_training_will_take_is_said_before_it(checkout, executed, monkeypatch):
    monkeypatch.setattr(runner, "_expected", lambda run: f"{run.profile}: about 4.1 hours, after {names(executed)[-1]}")
    lines: list[str] = []
    run_chapter("04", profile="standard", report=lines.append)
    assert lines[-1] == "standard: about 4.1 hours, after 02_preprocessing"
    lines.clear()
    run_chapter("03", profile="standard", report=lines.append)
    run_chapter("03", profile="quick", report=lines.append)
    assert not [line for line in lines if "hours" in line]  # it is there; or it is short


def test_a_product_of_other_code_is_set_aside(checkout, executed, monkeypatch):
    run_chapter("03")
    solo, partial = Run().solo_file, Run().solo_file.with_suffix(".sem.partial")
    partial.write_text("begun")
    before = solo.read_text()
    run_chapter("03")
    assert solo.read_text() == before and partial.exists()

    monkeypatch.setattr(runner, "numbers_hash", lambda name, profile: "other")
    lines: list[str] = []
    run_chapter("03", make_missing=False, report=lines.append)
    assert solo.read_text() != before and not partial.exists()
    assert solo.with_name("solo.pt.old").read_text() == before
    assert lines[0] == f"{solo} comes from other code or input: making it anew, keeping that as solo.pt.old"


def test_a_product_of_other_input_is_set_aside(checkout, executed):
    run_chapter("03")
    before = Run().solo_file.read_text()
    Run().pairs_file.write_text("other pairs")
    run_chapter("03", make_missing=False)
    assert Run().solo_file.read_text() != before


def test_stale_products_are_made_first(checkout, executed):
    run_chapter("04")
    executed.clear()
    Run().pairs_file.write_text("other pairs")
    lines: list[str] = []
    run_chapter("05", report=lines.append)
    assert names(executed) == ["03_solo_vae", "04_pair_vae", "05_evaluation"]
    assert lines[0] == "products of 03_solo_vae come from other code or input: running it first"


def test_an_interrupted_training_of_the_same_code_is_not_set_aside(checkout, executed):
    run_chapter("03")
    Run().solo_file.unlink()
    partial = Run().solo_file.with_suffix(".sem.partial")
    partial.write_text("begun")
    run_chapter("03")
    assert partial.read_text() == "begun"


def test_data_of_the_user_are_never_set_aside(checkout, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    run = Run(data=str(mine))
    run.data_root.mkdir(parents=True)
    run.notebook("01_data").with_name(".01_data.origin.json").write_text(json.dumps({"code": "other"}))
    runner._set_stale_aside(run, "01_data", print)
    assert mine.is_dir() and not mine.with_name("mine.old").exists()


def test_the_record_changes_only_with_the_product(checkout, executed):
    run_chapter("03")
    record = made_file(Run(), "03_solo_vae")
    before = record.read_text()
    run_chapter("03")
    assert record.read_text() == before
    Run().solo_file.write_text("another training")
    run_chapter("03")
    assert record.read_text() != before


def test_a_chapter_that_writes_no_product_has_failed(checkout, monkeypatch):
    monkeypatch.setattr(runner.papermill, "execute_notebook", lambda text, output, **_: Path(output).write_text("{}"))
    with pytest.raises(ChapterFailed, match="^01_data ran, but did not write .*data\n"):
        run_chapter("01")
    assert not Run().notebook("01_data").exists()
    assert Run().notebook("01_data").with_name("01_data.failed.ipynb").exists()


def test_an_interruption_leaves_the_older_notebook_alone(checkout, executed, monkeypatch):
    run_chapter("01")

    def interrupted(text, output, **_):
        Path(output).write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(runner.papermill, "execute_notebook", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_chapter("01")
    assert Run().notebook("01_data").read_text() == "executed"
    assert not list(Run().data_root.glob("*partial*")) and not list(Run().data_root.glob(".*partial*"))


HOLD = """
import sys
from pathlib import Path
from pairvae_lib.files.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_at_once_and_told_who_holds_it(checkout, executed):
    run_chapter("01")
    target = Run().notebook("01_data")
    command = [sys.executable, "-c", HOLD, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        message = f"^01_data is being run in {target.parent} by process {holder.pid} on .*; wait for it, or end it$"
        with pytest.raises(ChapterInUse, match=message):
            run_chapter("01")
        holder.kill()
    run_chapter("01")  # a killed process holds nothing


def test_a_lock_lives_as_long_as_a_process_that_inherits_it(tmp_path):
    target = tmp_path / "sweep.json"
    with locked(target) as held:
        heir = subprocess.Popen(["sleep", "60"], pass_fds=[held])
    with pytest.raises(ChapterInUse, match=f"^sweep is being run in {tmp_path} by process {os.getpid()} on "):
        with locked(target):
            pass
    heir.kill()
    heir.wait()
    with locked(target):
        pass


def test_a_second_sweep_over_the_same_data_is_refused_and_one_of_another_profile_is_not(checkout):
    runs = [Run("tiny", 42, 8), Run("tiny", 43, 8)]
    with sweeping(runs):
        with pytest.raises(ChapterInUse) as caught, sweeping([Run("tiny", 44, 6)]):
            pass
        with sweeping([Run("quick", 42, 8)]):
            pass
    found = str(caught.value)
    assert found.startswith(f"sweep is being run in {runs[0].data_root} by process {os.getpid()} on ")
    assert found.endswith(", or the workflow that it started; wait for it, or end it")
    with sweeping(runs):
        pass


def test_a_sweep_does_not_start_beside_a_chapter_that_a_killed_one_left_running(checkout):
    run = Run("tiny", 43, 8)
    for name in ("01_data", "04_pair_vae"):
        with locked(run.notebook(name)):
            with pytest.raises(ChapterInUse, match=f"^{name} is being run in .* by process {os.getpid()} on "):
                with sweeping([Run("tiny", 42, 8), run]):
                    pass
    with locked(run.notebook("04_pair_vae")), sweeping([Run("tiny", 42, 8)]):
        pass  # it has nothing to do with that chapter


def test_a_sweep_removes_what_a_killed_one_had_begun_to_write(checkout):
    run = Run("tiny", 43, 8)
    run.data_root.mkdir(parents=True)
    (run.data_root / ".sweep.json.abc.partial").write_text("[")
    with sweeping([run]):
        assert not list(run.data_root.glob("*.partial"))


def test_a_killed_chapters_unfinished_files_are_removed_and_nobody_elses(checkout, executed):
    run_chapter("03")
    folder, shared = Run().folder, Run().data_root
    mine = [folder / ".solo.pt.abc.partial", folder / ".solo.sem.partial.abc.partial"]
    mine += [folder / ".03_solo_vae.made.abc.partial", folder / "..03_solo_vae.origin.json.abc.partial"]
    others = [folder / ".pair.pt.abc.partial", folder / ".04_pair_vae.made.abc.partial", folder / "solo.sem.partial"]
    for path in (*mine, *others):
        path.write_text("begun")
    (shared / ".data.123.partial" / "saxs").mkdir(parents=True)
    run_chapter("03")
    assert not any(path.exists() for path in mine) and all(path.exists() for path in others)
    assert (shared / ".data.123.partial").exists()
    run_chapter("01")
    assert not (shared / ".data.123.partial").exists()


def test_nothing_is_removed_beside_the_data_of_the_user(checkout, executed, tmp_path):
    write_pairs(tmp_path / "mine")
    beside = tmp_path / ".mine.abc.partial"
    beside.write_text("the user's")
    run_chapter("01", [("data", str(tmp_path / "mine"))])
    assert beside.exists()


def test_results_that_cannot_be_written_are_named(checkout, executed):
    (checkout / "results").write_text("a file")
    why = f": {checkout / 'results'} is a file, not a folder$"
    with pytest.raises(CannotWrite, match=f"^cannot write {Run().notebook('01_data')}{why}"):
        run_chapter("01")
    with pytest.raises(CannotWrite, match=f"^cannot write {Run().data_root / 'sweep.json'}{why}"):
        with sweeping([Run()]):
            pass
    assert executed == []


def test_a_disk_without_room_for_the_notebook_is_named(checkout, monkeypatch):
    target = Run().notebook("01_data")

    def fill(text, output, **_):
        Path(output).write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runner.papermill, "execute_notebook", fill)
    with pytest.raises(CannotWrite) as caught:
        run_chapter("01")
    assert str(caught.value) == f"cannot write {target}: No space left on device"
    assert not list(target.parent.glob(".*partial*"))


UNWRITTEN = {
    "raise OSError('cannot write checkpoint a.pt: cannot write a.pt: File too large; what was there before is kept')": (
        "cannot write a.pt: File too large"
    ),
    "raise OSError('cannot write checkpoint a.pt: odd; what was there before is kept')": (
        "cannot write checkpoint a.pt: odd"
    ),
    "from pairvae_lib.files.writing import CannotWrite\nraise CannotWrite('cannot write a.json: Permission denied')": (
        "cannot write a.json: Permission denied"
    ),
    "raise OSError(28, 'No space left on device')": "cannot write into {folder}: No space left on device",
    "raise OSError(30, 'Read-only file system', 'a.png')": "cannot write into {folder}: Read-only file system",
}


@pytest.mark.parametrize("code", UNWRITTEN)
def test_what_a_cell_could_not_write_is_one_sentence_and_other_processes_can_read_it(checkout, code):
    edit(checkout, "01_data", "run = ", f"{code}\nrun = ")
    run = Run("tiny")
    with pytest.raises(CannotWrite) as caught:
        run_chapter("01", profile="tiny")
    told = UNWRITTEN[code].format(folder=run.data_root)
    assert str(caught.value) == f"{told}; what was finished is kept, and the same command goes on"
    assert not list(run.data_root.glob("*.ipynb")) and not list(run.data_root.glob(".*.ipynb"))
    with pytest.raises(CannotWrite) as repeated:
        raise_unwritten([run])
    assert str(repeated.value) == str(caught.value)
    with sweeping([run]):
        raise_unwritten([run])  # a new sweep does not take over what an older one met


def test_a_cell_that_cannot_read_is_a_chapter_that_fails(checkout):
    edit(checkout, "01_data", "run = ", "open('/nowhere/file')\nrun = ")
    with pytest.raises(ChapterFailed, match="FileNotFoundError: .*/nowhere/file"):
        run_chapter("01", profile="tiny")


def test_a_kernel_that_the_system_ends_is_one_sentence_and_leaves_no_half_notebook(checkout):
    edit(checkout, "01_data", "run = ", "import os\nos.kill(os.getpid(), 9)\nrun = ")
    with pytest.raises(ChapterFailed, match="^01_data: the process that runs its cells has ended .*the same command"):
        run_chapter("01", profile="tiny")
    assert not list(Run("tiny").data_root.glob("*.ipynb")) and not list(Run("tiny").data_root.glob(".*.ipynb"))


def test_a_lock_that_does_not_fit_is_named(checkout, tmp_path):
    with pytest.raises(CannotWrite, match=f"^cannot write {tmp_path}/sweep.json: File too large$"):
        with no_file_larger_than(0), locked(tmp_path / "sweep.json"):
            pass


def test_the_surroundings_of_the_kernel_are_put_back(checkout, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("JUPYTER_PREFER_ENV_PATH", raising=False)
    monkeypatch.delenv("PAIRVAE_ARITHMETIC", raising=False)
    before = dict(os.environ)
    with runner._surroundings(Run()):
        assert os.environ["OMP_NUM_THREADS"] == "1"
        assert fixed_arithmetic().items() <= os.environ.items()
    assert dict(os.environ) == before
    with runner._surroundings(Run("paper")):
        assert not fixed_arithmetic().keys() & (os.environ.keys() - before.keys())
    assert os.environ["OMP_NUM_THREADS"] == "7" and "JUPYTER_PREFER_ENV_PATH" not in os.environ


def test_papermill_executes_in_this_python_and_in_the_notebooks_folder(checkout):
    edit(
        checkout,
        "01_data",
        "_ = (",
        "import os, sys\nprint(sys.executable, os.getcwd(), os.environ['OMP_NUM_THREADS'])\n_ = (",
    )
    path = run_chapter("01", profile="tiny")
    cells = nbformat.read(path, as_version=4).cells
    assert 'profile = "tiny"' in cells[3].source
    assert cells[-1].outputs[0].text.split() == [sys.executable, str(checkout / "notebooks"), "1"]


def test_a_failing_cell_is_shown_and_the_older_notebook_stays(checkout):
    Run(profile="tiny").data_root.mkdir(parents=True)
    path = Run(profile="tiny").notebook("01_data")
    path.write_text("older")
    edit(checkout, "01_data", "_ = (", "1 / 0\n_ = (")
    with pytest.raises(
        ChapterFailed, match="(?s)^01_data failed in this cell:.*1 / 0.*ZeroDivisionError: division by zero"
    ):
        run_chapter("01", profile="tiny")
    assert path.read_text() == "older"
    assert nbformat.read(path.with_name("01_data.failed.ipynb"), as_version=4).cells[0].metadata.tags == [
        "papermill-error-cell-tag"
    ]
