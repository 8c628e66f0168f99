from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pairvae_lib.checks import DataError
from pairvae_lib.data import pairs as pairs_module
from pairvae_lib.data.modality import Axis, Modality
from pairvae_lib.data.pairs import Measurements, PreparedPairs

SHAPES = ((40, 50), (40, 50), (33, 70))


def pairs_of_patterns(**changes) -> PreparedPairs:
    rng = np.random.default_rng(0)
    made = PreparedPairs(
        sample_ids=("one", "zwei", "trois é"),
        morphologies=("hexagonal", "skew", "unlabelled"),
        groups=("a", "a", "b"),
        measured=(
            Measurements(Modality("saxs", (32, 32), "pattern"), rng.uniform(size=(3, 1, 32, 32)).astype(np.float32)),
            Measurements(
                Modality("sem", (32, 32), "mask"),
                tuple(rng.uniform(size=shape) < 0.5 for shape in SHAPES),
                nm_per_pixel=(2.75, 2.75, float("nan")),
            ),
        ),
    )
    return replace(made, **changes)


def changed(place: int, **changes) -> PreparedPairs:
    """The pairs with other facts of the first or second technique."""
    measured = list(pairs_of_patterns().measured)
    measured[place] = replace(measured[place], **changes)
    return pairs_of_patterns(measured=tuple(measured))


def pairs_of_profiles() -> PreparedPairs:
    values = np.random.default_rng(1).uniform(size=(3, 1, 64)).astype(np.float32)
    axis, grid = Axis("q", "1/nm"), np.geomspace(0.01, 1, 64)
    gisaxs = Measurements(Modality("gisaxs", (64,), "profile"), values, axis, grid, (-2.0, 2.5))
    afm = replace(pairs_of_patterns().measured[1], modality=Modality("afm", (32, 32), "mask"), nm_per_pixel=None)
    return pairs_of_patterns(groups=None, measured=(gisaxs, afm))


def assert_same(one: PreparedPairs, other: PreparedPairs) -> None:
    for name in ("sample_ids", "morphologies", "groups", "modalities", "q_unit"):
        assert getattr(one, name) == getattr(other, name), name
    np.testing.assert_array_equal(one.scattering, other.scattering)
    assert one.scattering.dtype == other.scattering.dtype == np.float32
    assert [mask.shape for mask in one.masks] == [mask.shape for mask in other.masks]
    assert all((a == b).all() and a.dtype == b.dtype for a, b in zip(one.masks, other.masks, strict=True))
    for mine, theirs in zip(one.measured, other.measured, strict=True):
        for name in ("axis", "grid", "limits", "is_log", "nm_per_pixel", "q_per_pixel"):
            a, b = getattr(mine, name), getattr(theirs, name)
            assert (a is None) == (b is None)
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make", [pairs_of_patterns, pairs_of_profiles])
def test_the_file_gives_everything_back(tmp_path, make):
    made = make()
    made.save(tmp_path / "new" / "pairs.npz")
    assert_same(made, PreparedPairs.load(tmp_path / "new" / "pairs.npz"))


def test_the_same_pairs_make_the_same_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        pairs_of_patterns().save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_masks_take_one_bit_a_pixel(tmp_path):
    pairs_of_patterns().save(tmp_path / "pairs.npz")
    with np.load(tmp_path / "pairs.npz", allow_pickle=False) as archive:
        assert archive["second bits"].size == -(-sum(height * width for height, width in SHAPES) // 8)


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "pairs.npz"
    pairs_of_patterns().save(path)
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="no space left"):
        pairs_of_profiles().save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["pairs.npz"]


def test_another_format_version_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pairs_module, "FORMAT_VERSION", 7)
    pairs_of_patterns().save(tmp_path / "pairs.npz")
    monkeypatch.undo()
    with pytest.raises(DataError, match="format version 7, expected 2; prepare the data again"):
        PreparedPairs.load(tmp_path / "pairs.npz")


def test_what_is_no_file_of_pairs_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.savez(tmp_path / "other.npz", numbers=np.arange(3))
    np.savez(tmp_path / "pickled.npz", format_version=np.array([{"a": 1}], dtype=object))
    np.save(tmp_path / "single.npy", np.arange(3))
    pairs_of_patterns().save(tmp_path / "cut.npz")
    whole = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    for name in ("text.npz", "empty.npz", "other.npz", "pickled.npz", "single.npy", "cut.npz"):
        with pytest.raises(DataError, match="not a file of prepared pairs, or a broken one; prepare the data again"):
            PreparedPairs.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        PreparedPairs.load(tmp_path / "missing.npz")


def test_a_version_without_its_arrays_is_broken(tmp_path):
    np.savez(tmp_path / "half.npz", format_version=np.array(1))
    with pytest.raises(DataError, match="not a file of prepared pairs, or a broken one"):
        PreparedPairs.load(tmp_path / "half.npz")


@pytest.mark.parametrize("make", [pairs_of_patterns, pairs_of_profiles])
def test_a_subset_is_in_the_order_asked_for(make):
    made = make()
    part = made.subset(np.array([2, 0]))
    assert part.sample_ids == ("trois é", "one")
    assert part.morphologies == ("unlabelled", "hexagonal")
    assert part.groups == (None if made.groups is None else ("b", "a"))
    assert (part.scattering == made.scattering[[2, 0]]).all()
    assert part.masks[0] is made.masks[2]
    assert (part.q is None) == (made.q is None)
    assert len(part) == 2


def test_random_crops_are_windows_of_the_masks():
    made = pairs_of_patterns()
    crops = made.crops([0, 2], 32, np.random.default_rng(3))
    assert crops.shape == (2, 1, 32, 32)
    assert crops.dtype == np.float32
    rng = np.random.default_rng(3)
    for crop, index in zip(crops, (0, 2), strict=True):
        height, width = made.masks[index].shape
        row, col = int(rng.integers(height - 31)), int(rng.integers(width - 31))
        assert (crop[0] == made.masks[index][row : row + 32, col : col + 32]).all()


def test_one_window_for_all():
    made = pairs_of_patterns()
    crops = made.crops_at([0, 1, 2], 32, (0.5, 0.999))
    assert (crops[0, 0] == made.masks[0][4:36, 18:50]).all()  # 9 x 19 positions
    assert (crops[1, 0] == made.masks[1][4:36, 18:50]).all()
    assert (crops[2, 0] == made.masks[2][1:33, 38:70]).all()  # 2 x 39 positions


def test_fractions_reach_both_ends():
    made = pairs_of_patterns()
    assert (made.crops_at([0], 32, (0, 0))[0, 0] == made.masks[0][:32, :32]).all()
    assert (made.crops_at([0], 32, (1, 1))[0, 0] == made.masks[0][-32:, -32:]).all()


def test_no_crops_of_no_masks():
    assert pairs_of_patterns().crops([], 32, np.random.default_rng(0)).shape == (0, 1, 32, 32)


def test_crop_errors():
    made = pairs_of_patterns()
    with pytest.raises(ValueError, match="size must lie between 1 and the 33 x 70 px of the image; got 36"):
        made.crops([2], 36, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"window of 36 px at \(0, 0\) must lie within the 33 x 70 px"):
        made.crops_at([2], 36, (0, 0))
    with pytest.raises(ValueError, match="col fraction must lie between 0 and 1; got 1.5"):
        made.crops_at([0], 32, (0, 1.5))
    with pytest.raises(ValueError, match="row fraction must lie between 0 and 1; got -0.1"):
        made.crops_at([0], 32, (-0.1, 0))


def test_what_does_not_fit_together_is_refused():
    made = pairs_of_patterns()
    for name, value in (("morphologies", ("a",)), ("groups", ())):
        with pytest.raises(ValueError, match=f"{name} must be 3 as sample_ids; got {len(value)}"):
            replace(made, **{name: value})
    with pytest.raises(ValueError, match="sem must be 3 as sample_ids; got 1"):
        changed(1, values=made.masks[:1], nm_per_pixel=None)
    with pytest.raises(ValueError, match="nm_per_pixel of 'sem' must be 3 as the measurements; got 1"):
        changed(1, nm_per_pixel=(1.0,))
    with pytest.raises(ValueError, match="sample_ids must name at least one sample; got none"):
        made.subset([])
    with pytest.raises(ValueError, match="sample_ids must be unique"):
        replace(made, sample_ids=("a", "b", "a"))
    with pytest.raises(ValueError, match=r"saxs must have shape \(3, 1, 32, 32\); got \(3, 32, 32\)"):
        changed(0, values=made.scattering[:, 0])
    with pytest.raises(ValueError, match="largest of saxs must lie between 0 and 1"):
        changed(0, values=made.scattering * 2)
    with pytest.raises(ValueError, match="least of saxs must lie between 0 and 1"):
        changed(0, values=made.scattering - 1)
    with pytest.raises(ValueError, match="saxs must be finite"):
        changed(0, values=made.scattering * np.float32("nan"))
    with pytest.raises(ValueError, match="mask 1 of 'sem' must be a boolean array"):
        changed(1, values=(made.masks[0], made.masks[1].astype(int), made.masks[2]))
    with pytest.raises(ValueError, match=r"micrograph 2 of 'sem' must hold a crop of \(32, 32\); got \(20, 40\)"):
        changed(1, values=(*made.masks[:2], np.ones((20, 40), bool)))
    curves = pairs_of_profiles().measured[0]
    with pytest.raises(ValueError, match="grid must be given for profiles alone; got None"):
        replace(curves, grid=None)
    with pytest.raises(ValueError, match="axis must be given for profiles alone"):
        changed(0, axis=Axis())
    with pytest.raises(ValueError, match=r"grid of gisaxs must have shape \(64,\); got \(63,\)"):
        replace(curves, grid=np.arange(63.0))


def images(n: int = 3) -> Measurements:
    rng = np.random.default_rng(2)
    values = tuple(rng.integers(256, size=(40, 50), dtype=np.uint8) for _ in range(n))
    return Measurements(Modality("optical", (32, 32), "image"), values)


def test_grey_images_are_seen_as_crops_in_0_to_1(tmp_path):
    first, second = images(), pairs_of_patterns().measured[1]
    pairs = pairs_of_patterns(measured=(first, second))
    seen = first.shown([1], np.random.default_rng(3))
    rng = np.random.default_rng(3)
    row, col = int(rng.integers(9)), int(rng.integers(19))
    np.testing.assert_allclose(seen[0, 0], first.values[1][row : row + 32, col : col + 32] / 255, rtol=1e-6)
    pairs.save(tmp_path / "pairs.npz")
    again = PreparedPairs.load(tmp_path / "pairs.npz")
    assert again.digest == pairs.digest and again.modalities == pairs.modalities
    assert all((a == b).all() for a, b in zip(again.measured[0].values, first.values, strict=True))


def test_two_micrographs_of_a_sample_are_cropped_at_the_same_place():
    first = images()
    grey = Measurements(Modality("grey", (32, 32), "image"), first.values)
    seen = pairs_of_patterns(measured=(first, grey)).shown([0, 1, 1], np.random.default_rng(0))
    assert (seen["optical"] == seen["grey"]).all()
    assert (seen["optical"][1] != seen["optical"][2]).any()


def test_what_is_asked_of_masks_says_so_of_other_pairs():
    pairs = pairs_of_patterns(measured=(pairs_of_patterns().measured[0], images()))
    for name in ("masks", "scattering", "cycles", "q"):
        with pytest.raises(ValueError, match=r"profiles or patterns, with masks; got saxs \(pattern\) and optical"):
            getattr(pairs, name)


def test_a_file_of_version_1_is_read(tmp_path):
    made = pairs_of_profiles()
    np.savez(
        tmp_path / "old.npz",
        format_version=np.array(1),
        sample_ids=np.array(made.sample_ids),
        morphologies=np.array(made.morphologies),
        modality_names=np.array(["gisaxs", "afm"]),
        micrograph_shape=np.array([32, 32]),
        scattering=made.scattering,
        mask_shapes=np.array([mask.shape for mask in made.masks]),
        mask_bits=np.packbits(np.concatenate([mask.ravel() for mask in made.masks])),
        q_unit=np.array("1/nm"),
        q=made.q,
        limits=np.array([-2.0, 2.5]),
    )
    again = PreparedPairs.load(tmp_path / "old.npz")
    assert_same(made, again)
    assert again.digest == made.digest


def test_a_path_may_be_a_string(tmp_path):
    pairs_of_patterns().save(str(tmp_path / "pairs.npz"))
    assert len(PreparedPairs.load(str(Path(tmp_path) / "pairs.npz"))) == 3


def test_the_scale_between_pattern_and_mask_follows_from_their_pixel_sizes(pattern_pairs, profile_pairs, tmp_path):
    assert pattern_pairs.cycles is None  # nothing is known
    # the simulator's: a distance of d px in the micrograph scatters to 550 / d px of the pattern
    q_per_pixel = (2 * np.pi / (550 * 2.5),) * 12
    patterns, masks = pattern_pairs.measured
    masks = replace(masks, nm_per_pixel=(2.5,) * 12)
    known = replace(pattern_pairs, measured=(replace(patterns, q_per_pixel=q_per_pixel), masks))
    np.testing.assert_allclose(known.cycles, 1 / 550)
    known.save(tmp_path / "pairs.npz")
    np.testing.assert_allclose(PreparedPairs.load(tmp_path / "pairs.npz").subset([3]).cycles, [1 / 550])
    unknown = replace(patterns, q_per_pixel=(float("nan"), *q_per_pixel[1:]))
    assert replace(known, measured=(unknown, masks)).cycles is None
    curves = profile_pairs.measured[0]
    sized = replace(profile_pairs, measured=(replace(curves, axis=Axis("q", "1/angstrom")), masks))
    np.testing.assert_allclose(sized.cycles, 25 / (2 * np.pi))
    assert replace(sized, measured=(curves, masks)).cycles is None
