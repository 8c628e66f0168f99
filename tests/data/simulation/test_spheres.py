from __future__ import annotations

import csv
import json
from math import log, pi
from pathlib import Path

import numpy as np
import pytest

from pairvae_lib.data.reading.profiles import read_curve
from pairvae_lib.data.simulation import simulate_spheres
from pairvae_lib.data.simulation.spheres import (
    CONTRAST,
    GOLD,
    PATH_LENGTH,
    POLYDISPERSITY,
    RADIUS,
    VOLUME_FRACTION,
    WATER,
    WAVELENGTH,
    Q,
    extinction_efficiency,
    extinction_spectrum,
    form_amplitude,
    gold_index,
    saxs_curve,
)

# Of the first pair with seed 7: at the first, a middle and the last point.
HELD_INTENSITY = [983.242, 4.77522, 0.0590277]
HELD_EXTINCTION = [0.594241, 0.871172, 0.200457]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pairs."""
    return simulate_spheres(tmp_path_factory.mktemp("simulated") / "spheres", 4, seed=7)


def columns(path: Path) -> tuple[list[str], np.ndarray]:
    """The header and the two columns of a curve's file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return lines[0].split(","), np.array([line.split(",") for line in lines[1:]], dtype=float).T


def test_a_sphere_scatters_as_guinier_says_at_small_q() -> None:
    x = np.array([0.0, 1e-6, 0.05, 0.1])
    assert form_amplitude(x) ** 2 == pytest.approx(np.exp(-(x**2) / 5), abs=1e-6)


def test_a_sphere_scatters_nothing_where_tan_x_is_x() -> None:
    zeros = np.array([4.493409457909064, 7.725251836937707, 10.904121659428899])
    assert form_amplitude(zeros) == pytest.approx(0, abs=1e-15)
    assert form_amplitude(pi) == pytest.approx(3 / pi**2)  # sin x = 0, cos x = -1


def test_extinction_is_that_of_the_published_sphere() -> None:
    """Bohren and Huffman 1983, appendix A: a radius of 0.525 um and an index of 1.55 in air, at 0.6328 um."""
    assert extinction_efficiency([632.8], 525.0, [1.55], medium=1.0) == pytest.approx(3.10543, abs=1e-5)


def test_a_small_sphere_takes_what_rayleigh_says() -> None:
    wavelength, radius = np.array([450.0, 520.0, 600.0]), 0.5
    m2 = (gold_index(wavelength).conj() / WATER) ** 2  # n + i k
    x = 2 * pi * radius * WATER / wavelength
    absorbed, scattered = 4 * x * ((m2 - 1) / (m2 + 2)).imag, 8 / 3 * x**4 * np.abs((m2 - 1) / (m2 + 2)) ** 2
    assert extinction_efficiency(wavelength, radius, gold_index(wavelength)) == pytest.approx(
        absorbed + scattered, rel=1e-3
    )


def test_a_large_sphere_takes_twice_its_shadow() -> None:
    index = gold_index([500.0])
    excess = [extinction_efficiency([500.0], radius, index)[0] - 2 for radius in (2e3, 2e4, 2e5)]
    assert excess[0] > excess[1] > excess[2] > 0
    assert excess[2] < 0.01


def test_the_index_of_gold_is_the_measured_one_and_ends_with_it() -> None:
    assert gold_index(GOLD[:, 0]) == pytest.approx(GOLD[:, 1] - 1j * GOLD[:, 2])
    with pytest.raises(ValueError, match="the largest wavelength must lie between 381.5 and 704.5; got 900"):
        gold_index([500, 900])


def test_sums_over_sizes_are_those_of_the_log_normal_distribution() -> None:
    """Its moments are known: <r^n> = median^n exp(n^2 width^2 / 2)."""
    radius, width = 20.0, 0.1

    def moment(n: int) -> float:
        return radius**n * np.exp(n**2 * width**2 / 2)

    forward = VOLUME_FRACTION * CONTRAST**2 * 1e7 * 4 / 3 * pi * moment(6) / moment(3)
    gyration2 = 3 / 5 * moment(8) / moment(6)
    assert saxs_curve(radius, width)[0] == pytest.approx(forward * np.exp(-(Q[0] ** 2) * gyration2 / 3), rel=2e-3)


def test_narrow_distributions_are_summed_finely_enough() -> None:
    """Against an integral over a thousand radii of the narrowest distribution."""
    radius, width = RADIUS[1], POLYDISPERSITY[0]
    r = np.geomspace(radius * np.exp(-6 * width), radius * np.exp(6 * width), 1001)
    share = np.exp(-0.5 * (np.log(r / radius) / width) ** 2)
    volumes = 4 / 3 * pi * r**3
    expected = (volumes * form_amplitude(Q[:, None] * r)) ** 2 @ share / (volumes @ share)
    assert saxs_curve(radius, width) == pytest.approx(VOLUME_FRACTION * CONTRAST**2 * 1e7 * expected, rel=1e-6)
    few = WAVELENGTH[::14]
    crossed = np.stack([extinction_efficiency(few, one, gold_index(few)) * pi * one**2 for one in r[::20]])
    per_volume = share[::20] @ crossed / (share[::20] @ volumes[::20])
    expected = VOLUME_FRACTION * per_volume * PATH_LENGTH / log(10)
    assert extinction_spectrum(radius, width)[::14] == pytest.approx(expected, rel=1e-6)


def test_the_plasmon_turns_red_as_spheres_grow() -> None:
    peaks = [WAVELENGTH[extinction_spectrum(radius, 0.1).argmax()] for radius in (20.0, 35.0, 50.0)]
    assert 520 <= peaks[0] <= 532  # 524 nm are measured for diameters of 40 nm
    assert peaks[0] < peaks[1] < peaks[2]


def test_the_files_hold_the_pair_and_its_noise(folder: Path) -> None:
    rows = list(csv.DictReader((folder / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["sample_id"] for row in rows] == [f"spheres{i:04d}" for i in range(4)]
    for row in rows:
        radius, polydispersity = float(row["sim_radius_nm"]), float(row["sim_polydispersity"])
        assert RADIUS[0] <= radius <= RADIUS[1] and POLYDISPERSITY[0] <= polydispersity <= POLYDISPERSITY[1]
        header, (q, intensity) = columns(folder / row["saxs"])
        assert header == ["q (1/nm)", "intensity (1/cm)"]
        assert q == pytest.approx(Q)
        noise = intensity / saxs_curve(radius, polydispersity) - 1
        assert np.std(noise) == pytest.approx(0.02, rel=0.2)
        header, (wavelength, extinction) = columns(folder / row["extinction"])
        assert header == ["wavelength (nm)", "extinction"]
        assert wavelength == pytest.approx(WAVELENGTH)
        assert np.std(extinction - extinction_spectrum(radius, polydispersity)) == pytest.approx(0.002, rel=0.3)


def test_the_scattering_is_read_with_its_unit(folder: Path) -> None:
    curve = read_curve(folder / "saxs/spheres0000.csv")
    assert (curve.unit, len(curve.q), curve.left_out) == ("1/nm", len(Q), {})


def test_the_record_says_what_was_simulated(folder: Path) -> None:
    record = json.loads((folder / "simulation.json").read_text(encoding="utf-8"))
    assert {key: record[key] for key in ("kind", "seed", "n_pairs")} == {"kind": "spheres", "seed": 7, "n_pairs": 4}


def test_the_same_seed_gives_the_same_pairs_however_many(folder: Path, tmp_path: Path) -> None:
    few, other = simulate_spheres(tmp_path / "few", 2, seed=7), simulate_spheres(tmp_path / "other", 2, seed=8)
    for name in ("saxs/spheres0001.csv", "extinction/spheres0001.csv"):
        assert (few / name).read_bytes() == (folder / name).read_bytes()
        assert (few / name).read_bytes() != (other / name).read_bytes()


def test_the_numbers_are_those_of_every_processor(folder: Path) -> None:
    """Held to what another one gave, within the rounding of six digits."""
    _, (_, intensity) = columns(folder / "saxs/spheres0000.csv")
    _, (_, extinction) = columns(folder / "extinction/spheres0000.csv")
    assert intensity[[0, 60, -1]] == pytest.approx(HELD_INTENSITY, rel=2e-5)
    assert extinction[[0, 30, -1]] == pytest.approx(HELD_EXTINCTION, rel=2e-5)


def test_nothing_else_is_overwritten(folder: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert simulate_spheres(folder, 4, seed=7) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    with pytest.raises(ValueError, match="hold the simulation of 5 pairs of spheres with seed 7; .* something else"):
        simulate_spheres(folder, 5, seed=7)


def test_errors_name_the_argument(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="n_pairs must be above 0; got 0"):
        simulate_spheres(tmp_path / "data", 0)
    with pytest.raises(ValueError, match="seed must lie between 0 and .*; got -1"):
        simulate_spheres(tmp_path / "data", 1, seed=-1)
    with pytest.raises(ValueError, match="radius must lie between 20.0 and 50.0; got 5"):
        saxs_curve(5, 0.1)
    with pytest.raises(ValueError, match="polydispersity must lie between 0.05 and 0.2; got 0.5"):
        extinction_spectrum(30, 0.5)
    with pytest.raises(ValueError, match="radius must be above 0; got -1"):
        extinction_efficiency([500], -1, [1.5])
    assert not (tmp_path / "data").exists()
