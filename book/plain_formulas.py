"""Formulas as MathML, which browsers set by themselves: for a book that is built without its MathJax files."""

from __future__ import annotations

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

NAME = "mathml"
SAME = re.compile(r"\\(begin|end)\{(?:aligned|split)\}")  # unknown to the converter, and the same as align*


def inline(translator: HTML5Translator, node: nodes.math) -> None:
    """A formula within a line."""
    translator.body.append(f'<span class="math">{convert(node.astext())}</span>')
    raise nodes.SkipNode


def displayed(translator: HTML5Translator, node: nodes.math_block) -> None:
    """A formula of its own, with its number where it has one."""
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    identifiers = "".join(f'<span id="{name}"></span>' for name in node.get("ids", ()))
    text = SAME.sub(r"\\\1{align*}", node.astext())
    if r"\\" in text and r"\begin" not in text:
        text = rf"\begin{{align*}}{text}\end{{align*}}"  # MathJax takes lines for such an environment
    formula = convert(text, display="block")
    translator.body.append(f'<div class="plain-formula notranslate">{identifiers}{number}{formula}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer; `html_math_renderer` chooses it."""
    app.add_html_math_renderer(NAME, (inline, None), (displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
