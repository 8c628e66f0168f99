"""An inspection as words for a terminal, and as one HTML page that needs nothing else."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairvae_lib import __version__
from pairvae_lib.data.inspection.inspecting import Inspection
from pairvae_lib.data.inspection.seen import THUMBNAIL, Seen
from pairvae_lib.files.webpage import address, rendered

MAX_SHOWN = 160  # samples with pictures: up to 25 kB each

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
    places = np.unique(np.linspace(0, max(len(found.samples) - 1, 0), MAX_SHOWN).astype(int))
    return rendered(
        "inspection.html",
        name=found.folder.resolve().name,
        verdict=verdict(found),
        tone="bad" if found.problems else "care" if found.warnings else "good",
        found=found,
        shown=[found.samples[place] for place in places if place < len(found.samples)],
        words=_words,
        picture=_picture,
        size=THUMBNAIL,
        points=_points,
        version=__version__,
    )


def _words(sample: Seen) -> list[str]:
    """What is known of a sample."""
    words = [word for word in (sample.morphology, sample.group) if word]
    if sample.area_fraction is not None:
        words.append(f"bright {sample.area_fraction:.1%}")
    return [*words, f"masked {sample.masked:.1%}"] if sample.masked else words


def _picture(levels: NDArray[np.uint8]) -> str:
    """The address of a small picture."""
    file = BytesIO()
    Image.fromarray(levels).save(file, "PNG", optimize=True)
    return address(file.getvalue())


def _points(profile: NDArray[np.float64]) -> str:
    """A small line drawing of a profile, both axes logarithmic."""
    logs = np.log10(profile)
    spans = np.ptp(logs, axis=1, keepdims=True)
    across, up = (logs - logs.min(axis=1, keepdims=True)) / np.where(spans, spans, 1) * (THUMBNAIL - 6) + 3
    return " ".join(f"{x:.1f},{THUMBNAIL - y:.1f}" for x, y in zip(across, up, strict=True))
