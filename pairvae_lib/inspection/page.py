"""An inspection as words for a terminal, and as one HTML page that needs nothing else."""

from __future__ import annotations

import io
from base64 import b64encode
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairvae_lib import __version__
from pairvae_lib.inspection.inspecting import Inspection
from pairvae_lib.inspection.seen import THUMBNAIL, Seen
from pairvae_lib.webpage import document, heading, listed, paragraph

MAX_SHOWN = 160  # samples with pictures: up to 25 kB each

# What this page has beside the rules of all pages of ours.
_STYLE = """
:root { --care: #7a5200; } @media (prefers-color-scheme: dark) { :root { --care: #f2c063; } }
body { max-width: 74rem; }
.verdict.care { border-left-color: var(--care); } span.bad { color: var(--bad); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; }
dt { color: var(--soft); } dd { margin: 0; }
.samples { list-style: none; padding: 0; display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, 13.5rem); }
.samples li { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem; }
.samples p { margin: .3rem 0 0; font-size: .85rem; color: var(--soft); }
.samples strong { color: var(--ink); }
.pair { display: flex; gap: .4rem; } .pair img, .pair svg { width: 96px; height: 96px; object-fit: contain; }
.pair img { image-rendering: pixelated; background: #888; } .pair svg { border: 1px solid var(--line); }
polyline { fill: none; stroke: var(--one); stroke-width: 1.5; }
@media (max-width: 32rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
"""


def verdict(found: Inspection) -> str:
    """One sentence: whether the folder can be trained on."""
    count = len(found.problems)
    if count:
        return f"not usable: {count} problem{'s' * (count != 1)}"
    count = len(found.warnings)
    return f"usable, {count} warning{'s' * (count != 1)}" if count else "usable"


def as_text(found: Inspection) -> str:
    """An inspection for a terminal.

    Parameters
    ----------
    found : Inspection
        See `inspecting.inspected`.
    """
    lines = [f"{found.folder}: {verdict(found)}"]
    lines += [f"  {name}: {words}" for name, words in found.facts.items()]
    lines += [f"  problem: {line}" for line in found.problems]
    lines += [f"  warning: {line}" for line in found.warnings]
    return "\n".join(lines)


def as_page(found: Inspection) -> str:
    """An inspection as a self-contained HTML page: no script, nothing loaded, light and dark.

    Parameters
    ----------
    found : Inspection
        See `inspecting.inspected`. Of more than `MAX_SHOWN` samples, evenly spaced ones are shown.
    """
    name = found.folder.resolve().name
    places = np.unique(np.linspace(0, max(len(found.samples) - 1, 0), MAX_SHOWN).astype(int))
    shown = [found.samples[place] for place in places if place < len(found.samples)]
    note = f"{len(shown)} of {len(found.samples)}, evenly spaced" if len(shown) < len(found.samples) else "all"
    facts = "".join(f"<dt>{escape(key)}</dt><dd>{escape(words)}</dd>" for key, words in found.facts.items())
    tone = "bad" if found.problems else "care" if found.warnings else "good"
    said = verdict(found)
    body = [
        heading(f"Data folder {name}", 1),
        paragraph(f"{said[0].upper()}{said[1:]}, in the {found.profile} profile.", f"verdict {tone}"),
        heading("What is there"),
        f"<dl>{facts}</dl>",
    ]
    for title, lines in (("What is wrong", found.problems), ("What to beware of", found.warnings)):
        body += [heading(title), listed(lines)] if lines else []
    if shown:
        cards = "\n".join(_card(sample, found) for sample in shown)
        body += [heading(f"Samples ({note})"), f'<ul class="samples">{cards}</ul>']
    body.append(paragraph(f"Made by pairvae check, version {__version__}.", "soft"))
    return document(f"{name}: {said}", body, _STYLE)


def _card(sample: Seen, found: Inspection) -> str:
    """One sample: its scattering, its mask, and what is known of it."""
    name = escape(sample.sample_id)
    left = '<span class="bad">not readable</span>'
    if "pattern" in sample.pictures:
        left = _image(sample.pictures["pattern"], f"pattern of {name}")
    elif "profile" in sample.pictures:
        left = _curve(sample.pictures["profile"], f"profile of {name}, log intensity over log q")
    right = '<span class="bad">not readable</span>'
    if "mask" in sample.pictures:
        right = _image(sample.pictures["mask"], f"mask of {name}")
    words = [escape(word) for word in (sample.morphology, sample.group) if word]
    if sample.area_fraction is not None:
        words.append(f"bright {sample.area_fraction:.1%}")
    if sample.masked:
        words.append(f"masked {sample.masked:.1%}")
    return f'<li><div class="pair">{left}{right}</div><p><strong>{name}</strong><br>{" &middot; ".join(words)}</p></li>'


def _image(levels: NDArray[np.uint8], words: str) -> str:
    """A small picture within the page."""
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG", optimize=True)
    data = b64encode(file.getvalue()).decode("ascii")
    height, width = levels.shape
    return f'<img alt="{words}" width="{width}" height="{height}" src="data:image/png;base64,{data}">'


def _curve(profile: NDArray[np.float64], words: str) -> str:
    """A small line drawing within the page."""
    across, up = np.log10(profile)
    spans = [values - values.min() for values in (across, up)]
    across, up = (span / (span.max() or 1) * (THUMBNAIL - 6) + 3 for span in spans)
    points = " ".join(f"{x:.1f},{THUMBNAIL - y:.1f}" for x, y in zip(across, up, strict=True))
    box = f'viewBox="0 0 {THUMBNAIL} {THUMBNAIL}"'
    return f'<svg role="img" aria-label="{words}" {box}><polyline points="{points}"/></svg>'
