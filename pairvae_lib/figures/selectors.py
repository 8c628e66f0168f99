"""One picture of many, chosen by one or two controls. Only front-end links (no Python callback): no kernel needed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from io import BytesIO
from typing import Any, Literal

import ipywidgets
from PIL import Image

from pairvae_lib.checks import check_one_of
from pairvae_lib.figures.pictures import FIGURE_COLOURS

Control = Literal["slider", "dropdown"]

PAGE_LIMIT = 1_000_000  # bytes of PNG files in one widget: a page is read on phones, too
SCALES = (0.9, 0.8, 0.7, 0.6, 0.5)  # tried in turn, if they are more than that
PNG_SIGNATURE = b"\x89PNG"


class Selector(ipywidgets.VBox):
    """Controls and pictures; and, for who shows no widgets (a viewer of notebooks, paper), the first picture as it is.

    Parameters
    ----------
    children : list of widgets
    still, alt : bytes, str
        PNG file of the picture that is shown first, and its alternative text.
    """

    def __init__(self, children: Sequence[ipywidgets.Widget], still: bytes, alt: str):
        super().__init__(list(children))
        self.still, self.alt = still, alt

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a notebook keeps: the widget and the picture."""
        data = super()._repr_mimebundle_(**kwargs)
        return data | {"image/png": b64encode(self.still).decode()}, {"image/png": {"alt": self.alt}}


def stack_slider(
    images: Sequence[bytes], labels: Sequence[str], description: str, control: Control = "slider",
    width: int | None = None, start: int = 0,
) -> Selector:
    """A slider or dropdown that shows one of several pictures.

    Parameters
    ----------
    images : list of bytes
        PNG files (see `png`).
    labels : list of str
        One per picture: what the control shows, and with `description` the picture's alternative text.
    description : str
        What is chosen, e.g. "variance".
    control : "slider" or "dropdown"
        A slider for ordered labels, a dropdown for names.
    width : int, optional [px]
        Width on the page; by default that of the PNG file, at most that of the page.
    start : int
        Which picture is shown first, and where no script runs; -1 for the last.

    Returns
    -------
    Selector
        The control above a Stack of pictures. Where they are more than fits into a page (`PAGE_LIMIT`), all are
        drawn smaller.
    """
    images = _fitted(images)
    _check_names("labels", labels, len(images))
    if not -len(images) <= start < len(images):
        raise ValueError(f"start must be the position of one of {len(images)} pictures; got {start}")
    first = start % len(images)
    chooser = _control(labels, description, control, first)
    texts = [f"{description}: {label}" for label in labels]
    return Selector([chooser, _linked_stack(_pictures(images, texts, width), chooser)], images[first], texts[first])


def grid_selector(
    images: Mapping[str, Mapping[str, bytes]],
    descriptions: tuple[str, str],
    controls: tuple[Control, Control] = ("dropdown", "dropdown"),
    width: int | None = None,
) -> Selector:
    """Two controls that together show one picture of a table.

    The first control turns over an outer Stack, the second every inner Stack at once: together they reach each
    picture by links alone.

    Parameters
    ----------
    images : mapping of first label to mapping of second label to bytes
        PNG files; every row has the same second labels in the same order.
    descriptions : tuple of two str
        What each control chooses, e.g. ("threshold", "morphology").
    controls : tuple of two of "slider" and "dropdown"
    width : int, optional [px]
        As `stack_slider`.

    Returns
    -------
    Selector
        Both controls above the outer Stack.
    """
    _check_names("first labels", list(images), len(images))
    second_labels = list(next(iter(images.values())))
    for label, row in images.items():
        if list(row) != second_labels:
            raise ValueError(f"images[{label!r}] must have the labels {second_labels}; got {list(row)}")
    _check_names("second labels", second_labels, len(second_labels))
    fitted = iter(_fitted([image for row in images.values() for image in row.values()]))
    images = {label: {other: next(fitted) for other in row} for label, row in images.items()}

    first = _control(list(images), descriptions[0], controls[0])
    second = _control(second_labels, descriptions[1], controls[1])
    rows = []
    for label, row in images.items():
        texts = [f"{descriptions[0]}: {label}, {descriptions[1]}: {other}" for other in row]
        rows.append(_linked_stack(_pictures(row.values(), texts, width), second))
    row = next(iter(images.values()))
    still = f"{descriptions[0]}: {next(iter(images))}, {descriptions[1]}: {second_labels[0]}"
    return Selector([first, second, _linked_stack(rows, first)], row[second_labels[0]], still)


def _control(labels: Sequence[str], description: str, control: str, start: int = 0) -> ipywidgets.Widget:
    """The control itself; both kinds have an `index` to link."""
    check_one_of("control", control, ("slider", "dropdown"))
    kind = ipywidgets.SelectionSlider if control == "slider" else ipywidgets.Dropdown
    look = {"style": {"description_width": "initial"}, "layout": {"width": "auto", "max_width": "420px"}}
    return kind(options=list(labels), index=start, description=description, **look)


def _linked_stack(children: Sequence[ipywidgets.Widget], chooser: ipywidgets.Widget) -> ipywidgets.Stack:
    """A Stack whose shown child follows the control, in the browser."""
    stack = ipywidgets.Stack(children=list(children), selected_index=chooser.index)
    ipywidgets.jslink((chooser, "index"), (stack, "selected_index"))
    return stack


def _pictures(images: Iterable[bytes], texts: Iterable[str], width: int | None) -> list[ipywidgets.HTML]:
    """Pictures with alternative texts, which the Image widget does not have."""
    style = ("" if width is None else f"width:{width}px;") + "max-width:100%;height:auto;background:white"
    source = "data:image/png;base64,"
    return [
        ipywidgets.HTML(f'<img src="{source}{b64encode(image).decode()}" alt="{escape(text)}" style="{style}">')
        for image, text in zip(images, texts, strict=True)
    ]


def _fitted(images: Sequence[bytes]) -> list[bytes]:
    """The pictures, all at the same smaller scale where they do not fit into a page; ValueError if one is no PNG."""
    for k, image in enumerate(images):
        if not isinstance(image, bytes) or not image.startswith(PNG_SIGNATURE):
            raise ValueError(f"picture {k} must be the bytes of a PNG file; got {type(image).__name__}")
    fitted = list(images)
    for scale in SCALES:
        if sum(map(len, fitted)) > PAGE_LIMIT:
            fitted = [_scaled(image, scale) for image in images]
    total = sum(map(len, fitted))
    if total > PAGE_LIMIT:
        raise ValueError(
            f"the pictures of one widget must not exceed {PAGE_LIMIT / 1e6:g} MB together; got {total / 1e6:.2f} MB "
            f"in {len(images)} at {SCALES[-1]} of their size: draw fewer of them"
        )
    return fitted


def _scaled(image: bytes, scale: float) -> bytes:
    """The PNG file of a smaller picture, with as few colours."""
    file = BytesIO()
    with Image.open(BytesIO(image)) as opened:
        whole = opened.convert("RGB") if opened.mode == "P" else opened
        smaller = whole.resize([max(1, round(length * scale)) for length in opened.size])
        kept = smaller.quantize(FIGURE_COLOURS, dither=Image.Dither.NONE) if opened.mode == "P" else smaller
        kept.save(file, "png", optimize=True)
    return file.getvalue()


def _check_names(name: str, labels: Sequence[str], count: int) -> None:
    """Raise ValueError unless there are `count` > 0 different labels."""
    if not count or len(labels) != count or len(set(labels)) != count:
        raise ValueError(f"{name} must be different, one for each picture, at least one; got {list(labels)}")
