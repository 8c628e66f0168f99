"""Pages in one file, from the templates of this package: no script, no request, legible in light and dark."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

TEMPLATES = Environment(
    loader=PackageLoader("pairvae_lib.files"),
    autoescape=select_autoescape(disabled_extensions=("css", "md"), default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def rendered(template: str, **values: Any) -> str:
    """A page of `templates/` with its values; text in HTML is escaped, whatever it holds."""
    return TEMPLATES.get_template(template).render(values)


def address(png: bytes) -> str:
    """A PNG file as an address within the page."""
    return f"data:image/png;base64,{b64encode(png).decode()}"
