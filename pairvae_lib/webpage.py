"""Pages of HTML in one file: no script, no request, legible in light and dark and on a phone. All text is escaped."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairvae_lib.checks import check_shape
from pairvae_lib.scattering import colour_mapped

COLOURS = ("--one", "--two", "--three")  # of curves: dark on light, light on dark
DASHES = ("", "7 4", "2 4")  # so that curves differ without colour
WIDTH, HEIGHT = 330, 200  # px of a plot; it is drawn in its own size on a phone
LEFT, BOTTOM, TOP, RIGHT = 46, 38, 8, 10  # px around its axes

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --ground: #ffffff; --raised: #f3f5f7;
  --line: #c9d1d9; --one: #0b5cad; --two: #a33d00; --three: #5d5d5d; --good: #116329; --bad: #a40e26; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #a2adb8; --ground: #14181d; --raised: #1f252c;
  --line: #434c56; --one: #79b8ff; --two: #ffa15c; --three: #b8b8b8; --good: #6fdd8b; --bad: #ff9492; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem 1.2rem 4rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1, h2 { line-height: 1.25; } h1 { margin: .6rem 0; } h2 { margin: 2.4rem 0 .6rem; } h3 { margin: 1.6rem 0 .3rem; }
p { max-width: 46rem; } a { color: var(--one); } .soft { color: var(--soft); }
.verdict { border: 1px solid var(--line); border-left: .4rem solid var(--three); background: var(--raised);
  padding: .8rem 1rem; margin: 1rem 0; font-size: 1.1rem; max-width: 46rem; }
.verdict.good { border-left-color: var(--good); } .verdict.bad { border-left-color: var(--bad); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--soft); font-weight: 600; } tbody th { font-weight: 400; } td.number { text-align: right; }
table.tracks { width: 100%; max-width: 50rem; margin-bottom: 1.6rem; }
table.tracks td.track { width: 45%; min-width: 6rem; }
.track div { position: relative; height: 1.4rem; background: linear-gradient(var(--line), var(--line)) center/100% 1px
  no-repeat; margin: 0 .5rem; }
.track i { position: absolute; top: 50%; width: .8rem; height: .8rem; margin: -.4rem; border: 2px solid var(--one); }
.track i.held { background: var(--one); border-radius: 50%; } .track i.train { border-radius: 50%;
  background: var(--ground); } .reference .track i { border-color: var(--three); }
.reference .track i.held { background: var(--three); }
.plots, .pictures, .side { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: .4rem 0; }
figcaption { color: var(--soft); font-size: .92rem; } .plots figure { width: 330px; max-width: 100%; }
.pictures figure { width: 8.5rem; } .pictures img { width: 8.5rem; image-rendering: pixelated; display: block; }
svg { display: block; max-width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--soft); fill: none; } .key { display: inline-block; margin-right: 1rem; white-space: nowrap; }
.key svg { display: inline-block; vertical-align: middle; margin-right: .3rem; }
@media (max-width: 34rem) { th, td { padding-right: .5rem; font-size: .92rem; } .pictures figure, .pictures img {
  width: 6.6rem; } }
@media print { body { max-width: none; } figure, tr { break-inside: avoid; } }
"""


def document(title: str, body: Sequence[str], style: str = "") -> str:
    """A whole page.

    Parameters
    ----------
    title : str
        Plain text.
    body : sequence of str
        HTML, made by the functions of this module.
    style : str
        More rules than STYLE.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style>"
    )
    before = ["<!doctype html>", '<html lang="en">', f"<head>{head}</head>", "<body><main>"]
    return "\n".join([*before, *body, "</main></body>", "</html>", ""])


def heading(text: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; `kind` is a class of STYLE."""
    return f'<p class="{escape(kind)}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def listed(lines: Sequence[str]) -> str:
    """A list."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table whose first column names its rows; numbers stand to the right."""
    titles = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table><caption>{escape(caption)}'
        f"</caption><thead><tr>{titles}</tr></thead><tbody>{''.join(map(_row, rows))}</tbody></table></div>"
    )


def tracks(caption: str, rows: Sequence[tuple[str, float, float, bool]]) -> str:
    """A table of two errors for each name, drawn as points on a common scale from 0.

    Parameters
    ----------
    caption : str
    rows : sequence of (name, training, held out, whether it is a reference)
    """
    largest = max((value for _, train, held, _ in rows for value in (train, held)), default=0.0) or 1.0
    lines = []
    for name, train, held, is_reference in rows:
        points = "".join(
            f'<i class="{kind}" style="left:{100 * value / largest:.1f}%"></i>'
            for kind, value in (("train", train), ("held", held))
        )
        lines.append(
            f'<tr class="{"reference" if is_reference else "route"}"><th scope="row">{escape(name)}</th>'
            f'<td class="track" aria-hidden="true"><div>{points}</div></td>'
            f'<td class="number">{train:.4f}</td><td class="number">{held:.4f}</td></tr>'
        )
    head = (
        '<th scope="col"></th><th scope="col" aria-hidden="true">○ training ● held out</th>'
        '<th scope="col">training</th><th scope="col">held out</th>'
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table class="tracks">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def plot(
    title: str, x: NDArray, curves: Mapping[str, NDArray], x_label: str, y_label: str, logarithmic: bool = False
) -> str:
    """Up to three curves over common values, as a figure with its key.

    Parameters
    ----------
    title : str
        What it shows: the alternative text and the caption.
    x : ndarray of shape (N,)
    curves : mapping of name to ndarray of shape (N,)
    x_label, y_label : str
    logarithmic : bool
        Of the x axis.

    Raises
    ------
    ValueError
        If a curve is not as long as x, or there are more than three.
    """
    if len(curves) > len(COLOURS):
        raise ValueError(f"curves must be at most {len(COLOURS)}; got {len(curves)}")
    for name, values in curves.items():
        check_shape(f"curve {name!r}", values, (len(x),))
    place = np.log(x) if logarithmic else np.asarray(x, dtype=float)
    every = np.concatenate([np.asarray(values, dtype=float) for values in curves.values()])
    low, high = min(0.0, float(every.min())), max(float(every.max()), 1e-12)
    across = LEFT + (place - place[0]) / max(float(place[-1] - place[0]), 1e-12) * (WIDTH - LEFT - RIGHT)

    def up(values: NDArray) -> NDArray:
        return HEIGHT - BOTTOM - (values - low) / (high - low) * (HEIGHT - BOTTOM - TOP)

    lines = []
    for (_, values), colour, dashes in zip(curves.items(), COLOURS, DASHES, strict=False):
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, up(np.asarray(values, dtype=float)), strict=True))
        lines.append(_line(points, colour, dashes))
    base, middle = HEIGHT - BOTTOM, (LEFT + WIDTH - RIGHT) / 2
    axes = f'<path class="axis" d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}"/>'
    marks = [
        (LEFT - 5, TOP + 10, "end", f"{high:.2g}"), (LEFT - 5, base, "end", f"{low:.2g}"),
        (LEFT, base + 15, "start", f"{x[0]:.3g}"), (WIDTH - RIGHT, base + 15, "end", f"{x[-1]:.3g}"),
        (middle, base + 30, "middle", x_label),
    ]
    texts = "".join(
        f'<text x="{a:g}" y="{b:g}" text-anchor="{anchor}">{escape(text)}</text>' for a, b, anchor, text in marks
    )
    turned = f"translate(13 {(TOP + base) / 2:g}) rotate(-90)"
    upright = f'<text transform="{turned}" text-anchor="middle">{escape(y_label)}</text>'
    keys = "".join(
        '<span class="key"><svg width="26" height="8" viewBox="0 0 26 8" aria-hidden="true">'
        f"{_line('0,4 26,4', colour, dashes)}</svg>{escape(name)}</span>"
        for name, colour, dashes in zip(curves, COLOURS, DASHES, strict=False)
    )
    return (
        f'<figure><svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">{axes}{"".join(lines)}{texts}{upright}</svg>'
        f"<figcaption>{escape(title)}<br>{keys}</figcaption></figure>"
    )


def picture(image: NDArray, caption: str) -> str:
    """A mask (bool), a grey image (uint8), or intensities in [0, 1] (float) as a figure.

    Raises
    ------
    ValueError
        If it is not two-dimensional.
    """
    check_shape("image", image, ("height", "width"))
    if np.issubdtype(image.dtype, np.floating):
        image = colour_mapped(image.clip(0, 1))
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    data = b64encode(file.getvalue()).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def group(kind: str, parts: Sequence[str]) -> str:
    """Figures side by side: "plots" or "pictures"; or such groups: "side"."""
    return f'<div class="{escape(kind)}">{"".join(parts)}</div>'


def _row(values: Sequence[object]) -> str:
    """A row of a table."""
    cells = [f'<th scope="row">{escape(str(values[0]))}</th>']
    for value in values[1:]:
        is_number = isinstance(value, int | float)
        text = f"{value:.4f}" if isinstance(value, float) else str(value)
        cells.append(f'<td class="number">{text}</td>' if is_number else f"<td>{escape(text)}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _line(points: str, colour: str, dashes: str) -> str:
    """A curve."""
    return (
        f'<polyline points="{points}" fill="none" stroke="var({colour})" stroke-width="2" stroke-dasharray="{dashes}"/>'
    )
