"""What pages say of themselves, and the ways from them to a running chapter."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from importlib.metadata import version

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from pairvae_lib.book import bands as reference, build
from pairvae_lib.book.build import (
    WIDGET_VIEW,
    colab_cell,
    repository_url,
    status_tables,
    with_launch_buttons,
    with_stills,
)
from pairvae_lib.files.arrays import write_json
from pairvae_lib.files.runs import Run
from pairvae_lib.models.precision import arithmetic_in_force

GITHUB = "https://github.com/someone/pairvae"


def executed(**noted):
    return new_notebook(metadata={"papermill": noted})


def test_the_status_says_what_was_run_when_and_for_how_long():
    pages = {
        "01_data": executed(duration=12.34, start_time="2026-11-24T10:59:22.188797+00:00"),
        "02_preprocessing": executed(duration=2.0, start_time="2026-11-24T11:01:00+00:00"),
        "03_solo_vae": new_notebook(),
    }
    text = status_tables(Run("quick", 44), pages, "abc123-changed", datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    assert "| built | 2026-01-02 03:04 UTC |" in text
    assert "| commit | abc123 changed |" in text
    assert "| profile | quick |" in text and "| seed | 44 |" in text
    assert "| [](../notebooks/01_data.ipynb) | 2026-11-24 10:59 | 12.3 |" in text
    assert "| [](../notebooks/03_solo_vae.ipynb) | not noted | not noted |" in text
    assert "| *together* | | 14.3 |" in text
    assert f"| torch | {version('torch')} |" in text and f"| pairvae_lib | {version('pairvae_lib')} |" in text


def test_a_status_without_times_adds_none_up():
    assert "| *together* | | not noted |" in status_tables(Run(), {"01_data": new_notebook()}, "abc")


def test_the_status_lists_what_lies_outside_its_band(tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "reference_file", lambda: tmp_path / "reference.json")
    monkeypatch.setenv("PAIRVAE_RESULTS", str(tmp_path))
    known = {"numbers": {"loss": [1.4, 1.6], "kl": None}, "conclusions": {"a below b": True}}
    chapters = {"03_solo_vae": known | {"weights": "abc"}, "04_pair_vae": known | {"weights": "abc"}}
    write_json(tmp_path / "reference.json", {"chapters": chapters})
    reference.agreement(Run(), "03_solo_vae", {"loss": 1.5, "kl": 0.0}, {"a below b": True}, "abc")
    reference.agreement(Run(), "04_pair_vae", {"loss": 2.5, "kl": 0.0}, {"a below b": False}, "def")
    text = status_tables(Run(), dict.fromkeys((*chapters, "09_claims"), new_notebook()), "abc")
    assert f"| [](../notebooks/03_solo_vae.ipynb) | 2 | 0 | {arithmetic_in_force()} | the same bits |" in text
    assert f"| [](../notebooks/04_pair_vae.ipynb) | 2 | 2 | {arithmetic_in_force()} | other bits |" in text
    assert "- 04_pair_vae: loss is 2.5 (band: 1.2 to 1.8)\n- 04_pair_vae: “a below b” is not true\n" in text
    assert text.count("09_claims.ipynb") == 1  # its run time alone


def test_the_status_shows_the_published_table_of_the_stress_test(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "published_root", lambda: tmp_path)
    assert "## Stress test" not in status_tables(Run(), {"01_data": new_notebook()}, "abc")
    rows = [
        {"part": "files", "row": "changed file: a.tif", "tried": 240, "killed": 0, "faults": 0},
        {"part": "moments", "row": "killed at random moments: train", "tried": 12, "killed": 11, "faults": 1},
    ]
    facts = {"commits": ["0123456789ab"], "system": "Linux", "machine": "x86_64", "seed": 3, "minutes": 61.2}
    write_json(tmp_path / "stress.json", facts | {"rows": rows})
    text = status_tables(Run(), {"01_data": new_notebook()}, "abc")
    assert "252 trials in 61 minutes, at commit 0123456, on Linux, x86_64, with seed 3" in text
    assert "| changed file: a.tif | 240 | 0 | 0 |\n| killed at random moments: train | 12 | 11 | 1 |\n" in text
    assert text.endswith("| *together* | 252 | 11 | 1 |\n")


def test_a_widget_gets_its_picture_beside_it():
    picture = b64encode(b"\x89PNG").decode() + "\n"
    view = {WIDGET_VIEW: {"model_id": "x"}, "text/plain": "Selector()"}
    both = new_output("display_data", view | {"image/png": picture}, metadata={"image/png": {"alt": 'a "b"'}})
    alone = new_output("display_data", view)
    figure = new_output("display_data", {"image/png": picture})
    page = new_notebook(cells=[new_markdown_cell("prose"), new_code_cell("1", outputs=[both, alone, figure])])
    shown = with_stills(page)
    first, still, *others = shown.cells[1].outputs
    assert (first, others) == (both, [alone, figure])
    assert still.data["text/html"] == (
        f'<img class="still" src="data:image/png;base64,{picture.strip()}" alt="a &quot;b&quot;">'
    )
    assert len(page.cells[1].outputs) == 3  # what was handed over is as it was


@pytest.mark.parametrize("repository", [None, {}, {"url": ""}, {"url": None, "branch": "main"}])
def test_no_address_no_buttons(repository):
    config = {"title": "t", "repository": repository}
    assert repository_url(config) is None
    assert with_launch_buttons(config) == {"title": "t"}
    assert repository_url({}) is None


def test_an_address_on_github_gives_all_buttons():
    config = {"html": {"x": 1}, "repository": {"url": f"{GITHUB}.git/", "branch": "dev"}}
    assert with_launch_buttons(config) == {
        "html": {"x": 1, "use_repository_button": True},
        "repository": {"url": f"{GITHUB}", "branch": "dev"},
        "launch_buttons": {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    }
    assert config["html"] == {"x": 1}


def test_colab_reads_from_github_alone():
    settings = with_launch_buttons({"repository": {"url": "https://gitlab.com/someone/pairvae"}})
    assert "colab_url" not in settings["launch_buttons"]
    assert settings["repository"]["branch"] == "main"


@pytest.mark.parametrize("url", ["someone/pairvae", "http://github.com/a/b", "https://github.com/a", "https:///a/b"])
def test_what_is_no_address_of_a_repository(url):
    with pytest.raises(ValueError, match=f"^repository.url in _config.yml must be https://HOST/OWNER/NAME, .*'{url}'$"):
        with_launch_buttons({"repository": {"url": url}})


def test_the_cell_for_colab_does_nothing_elsewhere():
    cell = colab_cell(GITHUB, "03_solo_vae")
    assert cell.metadata.tags == ["colab", "remove-cell"]
    code = TransformerManager().transform_cell(cell.source)
    compile(code, "cell", "exec")
    commands = []

    class Shell:
        def system(self, command):
            commands.append(command)

    names = {"get_ipython": Shell}
    exec(code, names)  # as a notebook does
    assert commands == []
    names["sys"].modules["google.colab"] = names["sys"]
    try:
        exec(code, names)
    finally:
        del names["sys"].modules["google.colab"]
        names["sys"].path.remove("/content/pairvae")
    assert commands == [
        f"git clone --quiet --depth 1 {GITHUB} && cd pairvae && pip install --quiet -e . anywidget",
        "cd pairvae && pairvae run 03_solo_vae",
    ]
