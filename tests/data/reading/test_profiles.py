from __future__ import annotations

import numpy as np
import pytest

from pairvae_lib.data.reading.profiles import read_curve, read_profile

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
        ("q_nm^-1,intensity\n", "1/nm"),
        ("# Sample: A-1\n# q I\n", ""),
        ("# q in 1/nm\n", "1/nm"),
        ("# units: q=1/nm, I=1/cm\n", "1/nm"),
        ("q (nm-1)\tI (1/cm)\tdI\n", "1/nm"),
        ("q\tI\n1/nm\tcm^-1\n", "1/nm"),
        ("title\nq (Inverse nanometres)\nIntensity\n   26\n", "1/nm"),
        ("The 2 columns are | Q (1/A) | I(Q) (1/cm) |\n", "1/angstrom"),
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
        ("", "must hold at least 16 points of positive intensity; got 0, no line is numbers in two columns"),
        ("words\n", "must hold at least 16 points of positive intensity; got 0, no line is numbers in two columns"),
        ("1 2\n2 3\n", "must hold at least 16 points of positive intensity; got 2"),
        ("1 2\n3 4 5\n4 5\n", "line 2 must hold 2 numbers as the others; got 3"),
        ("1 2\n2 3\n3\n", "line 3 must hold 2 numbers as the others; got 1"),
        ("1 2\n2 3\noops 3\n4 5\n5 6\n", "a second table begins at line 4; expected one table without words in it"),
        ("0.1\t1,5\n0.2\t1,4\n", "numbers must have decimal points or decimal commas; got both"),
        (
            "q (1/nm) q (1/A) I\n1 0.1 2\n",
            "q stands in more than one unit; keep one of the columns 'q (1/nm)', 'q (1/A)', 'I'",
        ),
        (
            "# q in 1/nm\n# q was in 1/A\n1 2\n",
            "the header names more than one unit of q, 1/nm and 1/angstrom; say which by q_unit",
        ),
        (
            "version https://git-lfs.github.com/spec/v1\n",
            "is a pointer of Git LFS, not the file itself; fetch it with: git lfs pull",
        ),
    ],
)
def test_reasons(tmp_path, text, reason):
    (tmp_path / "a.dat").write_text(text)
    with pytest.raises(ValueError) as error:
        read_profile(tmp_path / "a.dat")
    assert str(error.value) == reason


RISING = np.geomspace(0.1, 3, 40)


def table(path, header="", row="{} {}", foot="", rows=RISING):
    path.write_text(header + "".join(row.format(f"{q:.6g}", f"{1 / q:.6g}") + "\n" for q in rows) + foot, "utf-8")
    return path


def check_read(path, unit=None):
    curve = read_curve(path)
    assert curve.q == pytest.approx(RISING, rel=1e-5)
    assert curve.intensity == pytest.approx(1 / RISING, rel=1e-5)
    assert unit in (None, curve.unit)
    return curve


@pytest.mark.parametrize(
    ("header", "row", "foot"),
    [
        ("", "{} {} 0.1 0.2", ""),
        ("", '"{}","{}"', ""),
        ("", "{}|{}", ""),
        ("", "{} ; {} ;", ""),
        ("", "\t{}\t\t{}", ""),
        ("q,empty,I\n", "{},,{}", ""),
        (",q (1/nm),I\n", "7,{},{}", ""),
        ("I,dI,q\n", None, ""),
        ("point q I\n", "3 {} {}", ""),
        ("<X>   <Y>   <dY>\n", "{} {} nan", ""),
        ("title\n 0 66 0 1 66 0\n 3 (F12.5,2E16.6)\n", "{} {} inf", ""),
        ("   40\n", "{} {}", ""),
        ("40 2\n", "{} {}", ""),
        ("", "{} {}", "\nsample: lysozyme, 3 mg/ml\nconcentration: 3\n"),
        ("# q I flag\n", "{} {} good", ""),
        ("# Counts per second\n", "{} {} 0.1", ""),
        ("# std dev\n# time 3\n# Energy: 12\n", "{} {}", ""),
        ("x,y\n", "{},{}", ""),
    ],
)
def test_what_programs_write_is_read(tmp_path, header, row, foot):
    if row is None:
        path = tmp_path / "a.dat"
        path.write_text(header + "".join(f"{1 / q:.8g},9,{q:.8g}\n" for q in RISING))
    else:
        path = table(tmp_path / "a.dat", header, row, foot)
    check_read(path)


def test_decimal_commas_and_fortran_exponents_are_read(tmp_path):
    for separator in (";", "\t", " "):
        path = tmp_path / "a.csv"
        path.write_text("".join(f"{q:.6g}{separator}{1 / q:.6g}\n".replace(".", ",") for q in RISING))
        check_read(path)
    path.write_text("".join(f"{q:.6E} {1 / q:.6E}\n".replace("E", "D") for q in RISING))
    check_read(path)
    path.write_bytes("\n".join(["q (Å⁻¹)\tI", *(f"{q:.6g}\t{1 / q:.6g}" for q in RISING)]).encode("utf-16"))
    assert check_read(path).unit == "1/angstrom"


def test_points_without_a_number_are_left_out_and_counted(tmp_path):
    text = table(tmp_path / "a.dat").read_text()
    (tmp_path / "a.dat").write_text("0.05 nan\n0.06 NA\n" + text + "3.1 inf\n3.2 *****\n3.3 -1\n3.4 -1\n")
    assert check_read(tmp_path / "a.dat").left_out == {"without a number": 4, "marked by -1": 2}
    (tmp_path / "a.csv").write_text("0.05,,3\n" + text.replace(" ", ",").replace("\n", ",3\n"))
    assert check_read(tmp_path / "a.csv").left_out == {"without a number": 1}


@pytest.mark.parametrize(
    "header",
    ["# pixel I\n", "# r_mm  I\n", "d (nm),I\n", "2-Theta Angle (Degrees)\nIntensity\n", "index I\n", "time I\n"],
)
def test_what_is_not_over_q_is_refused_by_name(tmp_path, header):
    with pytest.raises(ValueError, match=r"^must be a profile over q"):
        read_curve(table(tmp_path / "a.dat", header))


def test_a_2d_table_is_no_profile(tmp_path):
    rows = [(a, b) for b in np.linspace(-1, 1, 12) for a in np.linspace(-1, 1, 12)]
    text = "".join(f"{a} {b} {1 / (a * a + b * b)}\n" for a, b in rows)
    for header, reason in (("Qx Qy I\n", "is a 2-D table over Qx and Qy, not"), ("", "q must rise or fall; it turns")):
        (tmp_path / "a.dat").write_text(header + text)
        with pytest.raises(ValueError, match=f"^{reason}"):
            read_curve(tmp_path / "a.dat")


def test_two_theta_becomes_q_by_the_wavelength(tmp_path):
    angles = np.degrees(2 * np.arcsin(RISING * 0.15406 / (4 * np.pi)))
    for header in ('# "wavelength": 1.5406e-10\n# 2th_deg  I\n', "# Wavelength = 1.5406 Å\n# 2Theta I\n"):
        path = tmp_path / "a.xy"
        path.write_text(header + "".join(f"{a:.9g} {1 / q:.9g}\n" for a, q in zip(angles, RISING, strict=True)))
        curve = read_curve(path)
        assert curve.q == pytest.approx(RISING)
        assert curve.unit == "1/nm"
    path.write_text("# 2th_deg I\n" + path.read_text().partition("I\n")[2])
    with pytest.raises(
        ValueError, match="^must be a profile over q; got '2th_deg', and the file names no wavelength"
    ):
        read_curve(path)


def test_a_given_unit_overrules_the_header_and_says_so(tmp_path):
    path = table(tmp_path / "a.dat", "# q (1/nm) I\n")
    curve = read_curve(path, "A^-1")
    assert (curve.unit, curve.unit_from, len(curve.warnings)) == ("1/angstrom", "q_unit", 1)
    assert read_curve(path, "unknown").unit == ""
    assert read_curve(path, "1/nm").warnings == ()
    with pytest.raises(ValueError, match="^q_unit must be one of 1/nm, 1/angstrom, unknown; got 'furlong'$"):
        read_curve(path, "furlong")


def test_points_of_no_intensity_do_not_count(tmp_path):
    (tmp_path / "a.dat").write_text("\n".join(f"{i} {i % 2}" for i in range(20)))
    with pytest.raises(ValueError, match="at least 16 points of positive intensity; got 10"):
        read_profile(tmp_path / "a.dat")


def test_what_is_not_text_has_a_reason(tmp_path):
    (tmp_path / "a.dat").write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="^is no text in UTF-8, UTF-16 or Latin-1$"):
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


def headed_table(path, header, columns=3):
    """Rising positive values under a header that may name fewer columns than there are."""
    values = np.column_stack([np.linspace(0.1, 3, 30), np.linspace(9, 2, 30), np.full(30, 0.1)])[:, :columns]
    path.write_text(header + "\n" + "\n".join(" ".join(f"{value:.6g}" for value in row) for row in values) + "\n")
    return path


@pytest.mark.parametrize(
    "header",
    ["# Energy (eV) Absorbance", "# Wavelength (nm)  Abs", "# time (s)  counts", "# d (nm) I", "# channel counts"],
)
@pytest.mark.parametrize("columns", [2, 3])
def test_a_first_column_that_is_not_q_is_refused_though_other_columns_have_no_name(tmp_path, header, columns):
    with pytest.raises(ValueError, match="must be a profile over q, but no column is called q; the columns are"):
        read_curve(headed_table(tmp_path / "a.dat", header, columns))


@pytest.mark.parametrize("columns", [2, 3])
def test_an_axis_is_named_though_other_columns_have_no_name(tmp_path, columns):
    curve = read_curve(headed_table(tmp_path / "a.dat", "# Wavelength (nm)  Abs", columns), axis="")
    assert (curve.axis, curve.unit) == ("wavelength", "nm")


def test_two_columns_with_tabs_between_their_names(tmp_path):
    curve = read_curve(headed_table(tmp_path / "a.txt", "#Wave\t\t#Intensity", 2), axis="")
    assert curve.axis == "wave"
    assert "'Wave'" in read_curve(tmp_path / "a.txt").columns


def test_an_inverse_length_of_another_name_is_taken_for_q_and_said(tmp_path):
    curve = read_curve(headed_table(tmp_path / "a.dat", "# k (1/angstrom) I", 2))
    assert (curve.axis, curve.unit) == ("q", "1/angstrom")
    assert any("'k (1/angstrom)' is taken for q" in told for told in curve.warnings)


@pytest.mark.parametrize(("q", "shared"), [(np.tile(np.linspace(0.1, 3, 30), 2), 30), (np.arange(-20.0, 31), 20)])
def test_points_at_the_same_q_are_told(tmp_path, q, shared):
    path = tmp_path / "a.dat"
    path.write_text("# q (1/nm) I\n" + "\n".join(f"{at:.6g} {50 + at:.6g}" for at in q) + "\n")
    assert any(told.startswith(f"{shared} points are at the q of another") for told in read_curve(path).warnings)
    once = headed_table(tmp_path / "b.dat", "# q (1/nm) I", 2)
    assert not read_curve(once).warnings
