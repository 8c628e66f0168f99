"""The benchmark's rows, at the smallest size: what is timed exists and is named as announced. Times are not tested."""

from dataclasses import replace

import pytest

from benchmarks.run import timed, training_rows
from pairvae_lib.config import TINY


def test_a_row_holds_medians_and_their_ratio(capsys):
    row = timed("name", "fp32", lambda: sum(range(1_000)), lambda: sum(range(100_000)), 3)
    assert row.name == "name" and row.precision == "fp32" and row.threads >= 1
    assert row.literal_ms > 0 and row.ours_ms > 0 and row.ratio > 1
    assert "name" in capsys.readouterr().out


def test_without_a_literal_form_there_is_no_ratio():
    row = timed("name", "fp32", lambda: None, None, 1)
    assert row.literal_ms is None and row.ratio is None


@pytest.mark.parametrize(("precision", "channels"), [("fp32", 1), ("bf16", 3)])
def test_every_step_is_timed_against_its_literal_form_and_the_forms_of_before(precision, channels, capsys):
    profile = replace(TINY, architecture=replace(TINY.architecture, pattern_channels=channels))  # as the paper's
    rows = training_rows(profile, (precision,), 1, with_literal=True)
    assert rows[0].name == "features: crop bank"
    assert [row.name for row in rows][4:] == ["saxs_solo_step", "sem_solo_step", "pair_step"]
    assert all(row.precision == precision and row.ratio > 0 for row in rows[1:] if row.name != rows[3].name)
    assert all(row.before_ms > 0 for row in rows[2:])
    assert "a model of profile 'tiny', 48 training pairs:" in capsys.readouterr().out


def test_steps_alone_have_no_literal_form():
    assert {row.literal_ms for row in training_rows(TINY, ("fp32",), 1, with_literal=False)[1:]} == {None}
