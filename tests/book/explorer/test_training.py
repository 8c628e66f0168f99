"""The training to move through: what its front end is given, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.book import training_scrub
from pairvae_lib.book.explorer.training import POINTS, thinned

RNG = np.random.default_rng(0)
TRUE = RNG.random((3, 9, 9)) < 0.5
DRAWN = {0: {"sem_to_sem": ~TRUE, "saxs_to_sem": ~TRUE}, 20: {"sem_to_sem": TRUE, "saxs_to_sem": TRUE}}
LOSSES = {"sem_to_sem": [1.0, 0.5], "saxs_to_sem": [0.7, 0.1], "barlow": [3.0, 2.0]}
LABELS = ["a\ntrained on", "b\ntrained on", "a\nheld out"]


def test_the_front_end_gets_every_mask_in_order():
    widget = training_scrub(TRUE, DRAWN, LOSSES, LABELS, phase_boundary=1)
    bits = np.frombuffer(widget.drawn_bits, np.uint8).reshape(2, 2, 3, 9, -1)
    drawn = np.unpackbits(bits, axis=-1, count=9).astype(bool)
    np.testing.assert_array_equal(drawn[0, 1], ~TRUE)
    np.testing.assert_array_equal(drawn[1, 0], TRUE)
    assert widget.epochs == [0, 20] and widget.routes == ["SEM→SEM", "SAXS→SEM"] and widget.shape == [9, 9]
    assert widget.losses[1] == {"colour": "#0072B2", "x": [1, 2], "y": [0.7, 0.1]}
    assert widget.labels[2] == "a, held out"


def test_a_long_curve_is_thinned_to_its_last_epoch():
    found = thinned(np.arange(1.0, 5001))
    assert len(found["x"]) == len(found["y"]) == POINTS and found["x"][-1] == 5000
    assert found["y"] == sorted(found["y"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drawn": {}}, "^drawn must hold at least one moment"),
        ({"drawn": DRAWN | {30: {"sem_to_sem": TRUE}}}, "^drawn after 30 epochs must hold .*saxs_to_sem"),
        ({"drawn": {0: {"sem_to_sem": TRUE[:2]}}}, "^sem_to_sem after 0 epochs must have shape"),
        ({"losses": {"sem_to_sem": [1.0]}}, "^losses must hold every route of drawn; got none of saxs_to_sem"),
        ({"true": TRUE[:2]}, "^true must have shape"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        training_scrub(**{"true": TRUE, "drawn": DRAWN, "losses": LOSSES, "labels": LABELS} | change)
