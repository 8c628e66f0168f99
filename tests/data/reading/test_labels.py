from __future__ import annotations

import pytest

from pairvae_lib.data.reading.labels import q_units, quantity


@pytest.mark.parametrize(
    ("unit", "labels"),
    [
        (
            "1/nm",
            "q_nm^-1|q [nm⁻¹]|q (nm−1)|q (inverse nm)|q [nm^(-1)]|q (nm**-1)|q_nm-1|Q (Inverse nanometres)|"
            "q / nm^{-1}|$q$ ($\\mathrm{nm}^{-1}$)|Q[1/nm]|q (rad/nm)|q [/nm]",
        ),
        (
            "1/angstrom",
            "q_A^-1|q [Å⁻¹]|q (1/Ang)|q (Å−1)|q [A^(-1)]|q (\\AA^{-1})|q (angstroms^-1)|q (invA)|q_A-1|Mod_Q (Å-1)|"
            "q[\u212b^{-1}]|Momentum transfer [1/Angstrom]|q (reciprocal angstroms)|Q (1/Ã\x85)",
        ),
    ],
)
def test_units_of_q_as_programs_write_them(unit, labels):
    for label in labels.split("|"):
        assert q_units(label) == [(unit, 1.0)], label
        assert quantity(label) == "q", label


def test_other_units_of_length_are_converted():
    assert q_units("q (1/m)") == [("1/nm", 1e-9)]
    assert q_units("q [um^-1]") == q_units("q (1/µm)") == [("1/nm", 1e-3)]
    assert q_units("I (1/cm)") == q_units("d (nm)") == q_units("q (furlong)") == []


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("2-theta", "2th_deg|TwoThetaOmega|2-Theta Angle (Degrees)|2θ (°)|tth|two theta"),
        ("another axis", "pixel|r_mm|d (nm)|d-spacing|chi|Energy (keV)|log(q)|q^2 (nm^-2)|angle|time (s)"),
        ("q component", "Qx|q_y (1/nm)|qxy|Q par"),
        ("intensity", "I|I(q)|Intensity (counts)|I (1/cm)|counts"),
        ("uncertainty", "dI|sig(q)|err|sigmaQ|std. dev. I(Q) (1/cm)|dq|Idev"),
        ("number of the row", "|Unnamed: 0|index|#"),
        ("", "Sample: A-1|thickness|x"),
    ],
)
def test_quantities_by_their_labels(kind, labels):
    for label in labels.split("|"):
        assert quantity(label) == kind, label
