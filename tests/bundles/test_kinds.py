from __future__ import annotations

import pytest

from pairvae_lib.bundles.bundle import load_bundle
from pairvae_lib.bundles.kinds import KINDS
from pairvae_lib.bundles.train import _unfinished


@pytest.mark.parametrize("lab", ["lab_model", "lab_flow"])
def test_a_kind_makes_its_model_again_from_what_it_wrote(lab, request):
    bundle = load_bundle(request.getfixturevalue(lab))
    kind = KINDS[bundle.kind]
    again = kind.fresh(kind.described(bundle.model), bundle.modalities)
    assert type(again) is type(bundle.model) and kind.routes(again) == kind.routes(bundle.model)
    shapes = [{name: value.shape for name, value in model.state_dict().items()} for model in (again, bundle.model)]
    assert shapes[0] == shapes[1]


def test_what_is_unfinished_is_told_by_its_name(tmp_path):
    for name in ("solo.saxs.partial", "pair.pt", "flow.partial", "training.lock"):
        (tmp_path / name).touch()
    assert _unfinished("pairvae", tmp_path) == ["pair.pt", "solo.saxs.partial"]
    assert _unfinished("flow", tmp_path) == ["flow.partial"]
    assert _unfinished("flow", tmp_path / "nowhere") == []
