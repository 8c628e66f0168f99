from __future__ import annotations

from pairvae_lib.bundle import KINDS
from pairvae_lib.cards import WORDS
from pairvae_lib.recipes import RECIPES


def test_every_kind_of_model_can_be_made_and_spoken_of():
    assert RECIPES.keys() == KINDS.keys() == WORDS.keys()


def test_what_is_unfinished_is_told_by_its_name(tmp_path):
    for name in ("solo.saxs.partial", "pair.pt", "flow.partial", "training.lock"):
        (tmp_path / name).touch()
    assert RECIPES["pairvae"].unfinished(tmp_path) == ["pair.pt", "solo.saxs.partial"]
    assert RECIPES["flow"].unfinished(tmp_path) == ["flow.partial"]
    assert RECIPES["flow"].unfinished(tmp_path / "nowhere") == []
