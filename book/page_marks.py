"""Sphinx extension: mends marks that mislead a screen reader, and leaves out scripts that a page does not need."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from PIL import Image

PLACE = re.compile(r"\]\(\.\./notebooks/\w+\.ipynb#([\w-]+)\)")
# In place of a line that reads well on a code host a page has another text, a drawing or a part with a script.
WHOLE = re.compile(r"^\[[^\]\n]*\]\((\w+\.md)\)$", re.MULTILINE)
DRAWN = re.compile(r"^(?:!\[[^\]\n]*\]\((images/[\w-]+\.svg)\)|<!-- (images/[\w-]+\.html) -->)$", re.MULTILINE)
LIST = '<div role="list" class="citation-list">'
# The icons are in the theme's style sheet and fonts; this script of 1.5 MB draws them again. It would also replace the
# marks of widgets' buttons.
ICONS = re.compile(r'\s*<script [^>]*src="[^"]*_static/scripts/fontawesome\.js[^"]*"[^>]*></script>')
# The index of the search is read where there is something to search: on the page of the search itself.
INDEX = re.compile(r'\s*<script src="[^"]*(?:searchindex|searchtools|language_data)\.js[^"]*"></script>')
# Live code by Thebe is not offered. Its settings stand on every page twice, which the second time is an error.
THEBE = re.compile(r'\s*<script(?: [^>]*src="[^"]*sphinx-thebe\.js[^"]*")?>(?:const THEBE_JS_URL[^<]*)?</script>')
UNSIZED = re.compile(r'<img (?P<rest>(?![^>]* (?:width|height)=)[^>]*src="(?P<file>(?!data:)[^"]+)"[^>]*>)')
PICTURE = re.compile(r'<img (?=[^>]*src="(?!data:))')
SEARCH = "search.html"
FORMULAS = re.compile(r'\s*<script [^>]*src="[^"]*tex-mml-chtml\.js[^"]*"[^>]*></script>')
FORMULA = 'class="math'


def setup(app: Any) -> dict[str, bool]:
    """Register the steps."""
    app.connect("source-read", resolve)
    app.connect("html-page-context", mend)
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def resolve(app: Any, docname: str, source: list[str]) -> None:
    """What works as it is written on a code host becomes what Sphinx knows.

    A link to a place in a chapter leads to its label. A link to a text of the book, alone in its line, becomes that
    text; so does a drawing or the note of a part with a script, which is drawn in the page and not as a picture.
    """
    text = PLACE.sub(r"](#\1)", source[0])
    text = WHOLE.sub(r"```{include} \1\n```", text)
    source[0] = DRAWN.sub(lambda found: f"```{{raw}} html\n:file: {found[1] or found[2]}\n```", text)


def mend(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Bibliographies call themselves lists, and hold no list items: their entries have a role of their own.

    Pictures in files are loaded when a reader comes near.
    """
    if "body" in context:
        body = context["body"].replace(LIST, LIST.replace('role="list" ', ""))
        context["body"] = PICTURE.sub('<img loading="lazy" ', body)


def sized(page: Path, picture: re.Match[str]) -> str:
    """A picture with its width and height, so that its place is kept until it is loaded."""
    file = page.parent / unquote(picture["file"])
    if file.suffix != ".png" or not file.is_file():
        return picture[0]
    with Image.open(file) as opened:
        width, height = opened.size
    return f'<img width="{width}" height="{height}" {picture["rest"]}'


def lighten(app: Any, exception: Exception | None) -> None:
    """Take the scripts out of every page that was written."""
    if exception is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        light = THEBE.sub("", ICONS.sub("", text))
        light = light if page.name == SEARCH else INDEX.sub("", light)
        light = UNSIZED.sub(partial(sized, page), light)
        page.write_text(light if FORMULA in light else FORMULAS.sub("", light), encoding="utf-8")
