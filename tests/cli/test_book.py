from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from claims_world import write_world
from throwaway import edit, make_checkout

from pairvae_lib import __version__, cli
from pairvae_lib.book import build as bookbuild, execute as runner
from pairvae_lib.claims import ledger
from pairvae_lib.claims.ledger import ledger_file, read_ledger
from pairvae_lib.cli import book, program
from pairvae_lib.config import PROFILES
from pairvae_lib.data import simulation
from pairvae_lib.files.locks import ChapterInUse, locked
from pairvae_lib.files.runs import Run
from pairvae_lib.files.writing import CannotWrite

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    return make_checkout(tmp_path, monkeypatch)


def code_of(*words: str) -> int:
    """Exit code of a command line."""
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    return ended.value.code or 0


def test_version(capsys):
    assert code_of("--version") == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_help_names_every_command(capsys):
    assert code_of("--help") == 0
    shown = capsys.readouterr().out
    for command in ("simulate", "run", "sweep", "claims", "book", "read", "refresh", "assets"):
        assert command in shown


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        (["run", "03", "-p", "seed", "44"], ["run", "03", "-pseed=44"]),
        (["-p", "seed", "-1", "-p", "data", "a=b", "03"], ["-pseed=-1", "-pdata=a=b", "03"]),
        (["-p", "seed=44", "--no-upstream"], ["-p", "seed=44", "--no-upstream"]),
        (["03", "-p", "seed"], ["03", "-p", "seed"]),
    ],
)
def test_a_parameter_takes_two_words(words, joined):
    assert program._joined(words) == joined


def test_run_hands_over_what_was_typed(monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(
        runner, "run_chapter", lambda *given, **named: calls.append((given, named)) or Path("made.ipynb")
    )
    assert code_of("run", "05", "--profile", "tiny", "-p", "seed", "44", "-p", "n_train", "none", "--no-upstream") == 0
    assert calls == [(("05", [("seed", "44"), ("n_train", "none")]), {"profile": "tiny", "make_missing": False})]
    assert capsys.readouterr().out == "made.ipynb\n"


def test_simulate_takes_size_number_and_seed_from_the_profile(monkeypatch, capsys, tmp_path):
    calls = []
    monkeypatch.setattr(
        simulation, "simulate", lambda *given, **named: calls.append((given, named)) or given[0]
    )
    quick = PROFILES["quick"].simulation
    assert code_of("simulate", "--profile", "quick", "--out", str(tmp_path)) == 0
    assert code_of("simulate", "--out", str(tmp_path), "--seed", "1", "--workers", "2") == 0
    assert calls == [
        ((tmp_path, quick.n_pairs), {"size": quick.size, "seed": quick.seed, "workers": 1}),
        ((tmp_path, quick.n_pairs), {"size": quick.size, "seed": 1, "workers": 2}),
    ]


def test_simulate_makes_spheres_too(monkeypatch, capsys, tmp_path):
    calls = []
    monkeypatch.setattr(
        simulation, "simulate_spheres", lambda *given, **named: calls.append((given, named)) or given[0]
    )
    assert code_of("simulate", "--kind", "spheres", "--out", str(tmp_path)) == 0
    assert code_of("simulate", "--kind", "spheres", "--out", str(tmp_path), "--seed", "1") == 0
    assert calls == [((tmp_path,), {}), ((tmp_path,), {"seed": 1})]
    capsys.readouterr()
    for words in (["--profile", "quick"], ["--workers", "2"]):
        assert code_of("simulate", "--kind", "spheres", "--out", str(tmp_path), *words) == 2
        assert "--profile and --workers are for films" in capsys.readouterr().err
    assert code_of("simulate", "--kind", "rods", "--out", str(tmp_path)) == 2
    assert "kind must be one of films, spheres; got 'rods'" in capsys.readouterr().err


def test_claims_writes_the_ledger_of_the_results(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    monkeypatch.setattr(ledger, "decided_claims", partial(ledger.decided_claims, resamples=100))  # seconds less
    write_world(tmp_path, seeds=(43,), sizes=(32,), protocols=False)
    assert code_of("claims", "--profile", "tiny", "--data", "simulated") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("simulated\n---------\n1    mixed ") and shown.endswith(f"{ledger_file('tiny')}\n")
    assert {row["claim"] for row in read_ledger("tiny")} == set(range(1, 17))


def test_published_claims_are_those_of_the_checkout(checkout, capsys):
    assert code_of("claims", "--published", "--profile", "tiny") == 2
    assert "results/published/tiny/simulated/errors.json is not there yet" in capsys.readouterr().err


def test_book_and_refresh_take_the_run_of_a_profile_and_a_seed(monkeypatch, capsys):
    monkeypatch.setattr(bookbuild, "build_book", lambda run: run)
    monkeypatch.setattr(bookbuild, "refresh_notebooks", lambda run: [run])
    assert code_of("book", "--profile", "tiny", "--seed", "44") == 0
    assert code_of("refresh") == 0
    assert capsys.readouterr().out == f"{Run('tiny', 44)}\n{Run('quick', 43)}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "9"], "pairvae: notebook must be one of 01_data,"),
        (["run", "03", "-p", "sed", "1"], "pairvae: there is no parameter 'sed'"),
        (["run", "03", "-p", "seed"], "pairvae: seed must be an integer; got ''"),
        (["run", "03", "--profile", "huge"], "pairvae: profile must be one of tiny"),
        (["run", "03", "--no-upstream"], "is not there yet; make it with: pairvae run 01_data --profile quick"),
        (["simulate", "--profile", "huge", "--out", "x"], "pairvae: profile must be one of tiny"),
        (["claims"], "errors.json is not there yet; make it with: pairvae run 05_evaluation --profile quick"),
        (["claims", "--profile", "huge"], "pairvae: profile must be one of tiny"),
        (["claims", "--data", "nowhere"], "pairvae: data must be 'simulated' or a folder of paired data"),
        (["book"], "01_data.ipynb is not there yet; make it with: pairvae run 01_data --profile quick"),
        (["read"], "index.html is not there yet; make it with: make book"),
        (["refresh", "--profile", "tiny"], "make it with: pairvae run 01_data --profile tiny"),
        (["assets"], "fetch them with: npm ci --prefix"),
    ],
)
def test_what_the_user_can_mend_is_one_message_and_code_2(checkout, capsys, words, message):
    assert code_of(*words) == 2
    shown = capsys.readouterr()
    assert message in shown.err and "Traceback" not in shown.err and shown.out == ""


def test_a_failing_chapter_is_code_1(checkout, capsys):
    edit(checkout, "01_data", "_ = (", "raise ValueError('no such thing')\n_ = (")
    assert code_of("run", "01") == 1
    shown = capsys.readouterr().err
    assert "ValueError: no such thing" in shown and "01_data.failed.ipynb" in shown and "Traceback" not in shown


def test_a_chapter_in_use_is_code_2(checkout, capsys, monkeypatch):
    def in_use(*_, **__):
        raise ChapterInUse("01_data is being run")

    monkeypatch.setattr(runner, "run_chapter", in_use)
    assert code_of("run", "01") == 2
    assert capsys.readouterr().err == "pairvae: 01_data is being run\n"


def test_a_fault_of_the_program_is_not_hidden(checkout, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("a fault")

    monkeypatch.setattr(runner, "run_chapter", broken)
    with pytest.raises(RuntimeError, match="^a fault$"):
        cli.main(["run", "01"])


def test_sweep_hands_over_to_the_workflow(checkout, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        book.subprocess, "run", lambda words, **_: asked.append(words) or SimpleNamespace(returncode=0)
    )
    words = ("--profile", "tiny", "--seeds", "42,43", "--sizes", "8", "--protocols", "direct", "--cores", "3")
    assert code_of("sweep", *words) == 0
    assert asked[0][1:] == [
        *("-m", "snakemake", "sweep", "--cores", "3", "--config"),
        *("profile=tiny", "data=simulated", "seeds=42,43", "sizes=8", "protocols=direct"),
    ]
    assert capsys.readouterr().out == f"{Run('tiny').data_root / 'sweep.json'}\n"


@pytest.fixture
def asked(checkout, monkeypatch) -> list[list[str]]:
    """Command lines that are not run."""
    asked: list[list[str]] = []
    monkeypatch.setattr(
        book.subprocess, "run", lambda words, **_: asked.append(words) or SimpleNamespace(returncode=0)
    )
    return asked


def test_a_sweep_on_a_cluster_is_the_same_with_a_profile(asked, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(book, "find_spec", lambda name: name == "snakemake_executor_plugin_slurm" or None)
    assert code_of("sweep") == code_of("sweep", "--cluster", "workflow/profiles/slurm") == 0
    assert code_of("sweep", "--cluster", "workflow/profiles/slurm", "--cores", "3") == 0
    locally, *on_cluster = asked
    profile = ["--workflow-profile", str(ROOT / "workflow" / "profiles" / "slurm")]
    at = locally.index("--cores")
    assert on_cluster == [
        [*locally[:at], *profile, *jobs, *locally[at + 2 :]] for jobs in ([], ["--jobs", "3"])
    ]  # without --cores, the profile says how many


def test_a_cluster_is_a_folder_with_a_profile(asked, tmp_path, capsys):
    for folder in (tmp_path / "nowhere", tmp_path):
        assert code_of("sweep", "--cluster", str(folder)) == 2
        assert capsys.readouterr().err == (
            f"pairvae: cluster must be a folder with a config.yaml, as workflow/profiles/slurm; got {str(folder)!r}\n"
        )
    assert asked == []


def test_the_executor_of_a_cluster_must_be_installed(asked, tmp_path, capsys):
    profile = tmp_path / "config.yaml"
    profile.write_text("executor: no-such\n")
    assert code_of("sweep", "--cluster", str(tmp_path)) == 2
    assert capsys.readouterr().err == (
        f"pairvae: {profile} needs the executor 'no-such', which is not installed; that of SLURM comes with: "
        "pip install -c constraints.txt -e '.[book,cluster]'\n"
    )
    assert asked == []
    profile.write_text("jobs: 2\n")  # no executor: the local one
    assert code_of("sweep", "--cluster", str(tmp_path)) == 0 and len(asked) == 1


def test_a_sweep_that_fails_fails(checkout, monkeypatch):
    monkeypatch.setattr(book.subprocess, "run", lambda words, **_: SimpleNamespace(returncode=1))
    assert code_of("sweep") == 1


def test_the_workflow_holds_the_sweep_even_when_the_command_is_killed(checkout, monkeypatch, capsys):
    def workflow(words, cwd, pass_fds):
        lock = Run("tiny").data_root / ".sweep.lock"
        assert [os.fstat(held).st_ino for held in pass_fds] == [lock.stat().st_ino]
        assert code_of("sweep", "--profile", "tiny") == 2  # another one meanwhile
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(book.subprocess, "run", workflow)
    assert code_of("sweep", "--profile", "tiny") == 0
    message = f"pairvae: sweep is being run in {Run('tiny').data_root} by process {os.getpid()} on "
    shown = capsys.readouterr().err
    assert shown.startswith(message) and shown.count("\n") == 1


def test_a_sweep_ends_with_what_one_of_its_chapters_could_not_write(checkout, monkeypatch, capsys):
    def workflow(*_, **__):
        with pytest.raises(CannotWrite), locked(Run("tiny", 43, 8).notebook("03_solo_vae")):
            raise CannotWrite("cannot write solo.pt: No space left on device")
        return SimpleNamespace(returncode=1)

    monkeypatch.setattr(book.subprocess, "run", workflow)
    assert code_of("sweep", "--profile", "tiny", "--seeds", "42,43", "--sizes", "6,8") == 2
    assert capsys.readouterr().err == "pairvae: cannot write solo.pt: No space left on device\n"


@pytest.mark.parametrize("words", [["run", "01"], ["sweep", "--profile", "tiny"], ["simulate", "--out", "results/new"]])
def test_what_cannot_be_written_is_one_line_and_code_2(checkout, monkeypatch, capsys, words):
    monkeypatch.chdir(checkout)
    (checkout / "results").write_text("a file")
    assert code_of(*words) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("pairvae: cannot write ") and shown.endswith("results is a file, not a folder\n")
    assert shown.count("\n") == 1


@pytest.mark.parametrize("name", ["seeds", "sizes"])
def test_a_sweep_takes_whole_numbers(name, capsys):
    assert code_of("sweep", f"--{name}", "42,x") == 2
    assert f"{name} must be whole numbers between commas; got '42,x'" in capsys.readouterr().err
