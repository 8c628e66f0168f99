"""Formulas of a book without MathJax: MathML in the page itself, and nothing to load."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

BOOK = Path(__file__).parents[1] / "book"
PAGE = """
Title
=====

Within a line :math:`S_2(r)`.

.. math:: \\frac{a}{b} < 1
   :label: ratio

See :eq:`ratio`.

.. math:: a &= b \\\\ c &= d
"""


def test_formulas_become_mathml_and_no_script_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BOOK))
    (tmp_path / "index.rst").write_text(PAGE)
    settings = {"extensions": ["sphinx.ext.mathjax", "plain_formulas"], "html_math_renderer": "mathml"}
    (tmp_path / "conf.py").write_text("\n".join(f"{name} = {value!r}" for name, value in settings.items()))
    app = Sphinx(tmp_path, tmp_path, tmp_path / "out", tmp_path / "trees", "html", status=None, warningiserror=True)
    app.build()
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("<math ") == 3 and page.count('display="block"') == 2
    assert "<msub><mi>S</mi><mn>2</mn></msub>" in page and "<mfrac>" in page
    assert '<span id="equation-ratio"></span><span class="eqno">(1)</span>' in page
    assert page.count("<mtr>") == 2
    assert "mathjax" not in page.lower()
