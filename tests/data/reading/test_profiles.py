from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.data.reading.profiles import read_profile

Q = np.linspace(-0.05, 0.2, 26)
INTENSITY = 3.0 + np.arange(26)


def written(path, header="", separator=" ", sigma=False):
    columns = [Q, INTENSITY, 0.1 * INTENSITY][: 3 if sigma else 2]
    lines = [separator.join(f"{value:.6g}" for value in row) for row in zip(*columns, strict=True)]
    path.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [" ", "\t", ",", ";", ", ", "   "])
@pytest.mark.parametrize("sigma", [False, True])
def test_columns_are_read(tmp_path, separator, sigma):
    q, intensity, unit = read_profile(written(tmp_path / "a.dat", separator=separator, sigma=sigma))
    assert q == pytest.approx(Q, abs=1e-6)
    assert intensity == pytest.approx(INTENSITY)
    assert unit == ""


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("# q (1/angstrom)  I (arbitrary units)\n", "1/angstrom"),
        ("q / A^-1, I\n", "1/angstrom"),
        ("q[Å^{-1}] I\n", "1/angstrom"),
        ("# q [1/A] I\n", "1/angstrom"),
        ("q_nm^-1,intensity\n", ""),
        ("q nm^-1,intensity\n", "1/nm"),
        ("q (1/nm),I(q)\n\n", "1/nm"),
        ("q, I, sigma of a sample at 1/2 dilution\n", ""),
        ("\ufeffq I\n", ""),
    ],
)
def test_the_unit_is_read_from_the_header(tmp_path, header, unit):
    assert read_profile(written(tmp_path / "a.txt", header))[2] == unit


def test_comments_may_stand_anywhere(tmp_path):
    path = written(tmp_path / "a.dat")
    path.write_text(path.read_text() + "# the end\n")
    assert len(read_profile(path)[0]) == 26


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must hold at least 16 points of positive intensity; got 0"),
        ("just words\n", "must hold at least 16 points of positive intensity; got 0"),
        ("1 2\n2 3\n", "must hold at least 16 points of positive intensity; got 2"),
        ("1\n", "line 1 must hold q, intensity and perhaps its uncertainty; got 1 numbers"),
        ("# q\n1 2 3 4\n", "line 2 must hold q, intensity and perhaps its uncertainty; got 4 numbers"),
        ("1 2\n3 4 5\n", "line 2 must hold q, intensity and perhaps its uncertainty; got 3 numbers"),
        ("1 2\n2 nan\n", "line 2 holds NaN or infinity"),
        ("1 2\n2 inf\n", "line 2 holds NaN or infinity"),
        ("1 2\noops 3\n", "line 2 is not numbers: 'oops 3'"),
    ],
)
def test_reasons(tmp_path, text, reason):
    (tmp_path / "a.dat").write_text(text)
    with pytest.raises(ValueError) as error:
        read_profile(tmp_path / "a.dat")
    assert str(error.value) == reason


def test_points_of_no_intensity_do_not_count(tmp_path):
    (tmp_path / "a.dat").write_text("\n".join(f"{i} {i % 2}" for i in range(20)))
    with pytest.raises(ValueError, match="at least 16 points of positive intensity; got 10"):
        read_profile(tmp_path / "a.dat")


def test_what_is_not_text_has_a_reason(tmp_path):
    (tmp_path / "a.dat").write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="^is no text in UTF-8 or Latin-1$"):
        read_profile(tmp_path / "a.dat")
    (tmp_path / "a.dat").write_text("# q I\n1 2\n", encoding="utf-16")
    with pytest.raises(ValueError, match="^is no text in UTF-8 or Latin-1$"):
        read_profile(tmp_path / "a.dat")
    with pytest.raises(ValueError, match="^is missing$"):
        read_profile(tmp_path / "missing.dat")


def test_latin_1_is_text(tmp_path):
    path = written(tmp_path / "a.dat", "# q (Å^-1), sample Größe 3\n")
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    q, _, unit = read_profile(path)
    assert unit == "1/angstrom"
    assert q == pytest.approx(Q, abs=1e-6)


def test_a_text_that_is_too_long(tmp_path):
    (tmp_path / "a.dat").write_text("1 2\n" * 2**22 + "\n")
    with pytest.raises(ValueError, match="^has 16777217 bytes; expected at most 16777216 bytes of text "):
        read_profile(tmp_path / "a.dat")
