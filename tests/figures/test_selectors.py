"""Widgets show the right picture by front-end links alone, and their whole state can be embedded in a page."""

from __future__ import annotations

from base64 import b64decode
from html import unescape
from io import BytesIO
from re import search

import matplotlib

matplotlib.use("Agg")

import ipywidgets  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from ipywidgets.embed import dependency_state, embed_data  # noqa: E402
from numpy.testing import assert_array_equal  # noqa: E402
from PIL import Image  # noqa: E402

from pairvae_lib.figures import selectors  # noqa: E402
from pairvae_lib.figures.pictures import png  # noqa: E402
from pairvae_lib.figures.selectors import grid_selector, stack_slider  # noqa: E402


def mask_number(k):
    """A mask with k white pixels, so that every picture is another one."""
    return np.arange(64).reshape(8, 8) < k


def opened(data):
    return Image.open(BytesIO(data))


def shown(picture):
    """The PNG file and the alternative text of an HTML picture."""
    source = search(r'src="data:image/png;base64,([^"]+)"', picture.value)
    text = search(r'alt="([^"]*)"', picture.value)
    return b64decode(source[1]), unescape(text[1])


def links_in(widgets):
    """(source, target) ids with trait names, of every link in the embedded state."""
    state = embed_data(views=widgets, state=dependency_state(widgets))["manager_state"]["state"]
    links = [model["state"] for model in state.values() if model["model_name"] == "LinkModel"]
    return state, {
        tuple((end[0].removeprefix("IPY_MODEL_"), end[1]) for end in (link["source"], link["target"])) for link in links
    }


# pictures -------------------------------------------------------------------------------------------------------------


def test_mask_becomes_a_one_bit_png_enlarged_by_whole_pixels():
    mask = mask_number(20)
    image = opened(png(mask, scale=3))
    assert image.mode == "1"
    assert_array_equal(np.asarray(image), np.kron(mask, np.ones((3, 3), bool)))


def test_micrograph_keeps_its_grey_levels():
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    assert_array_equal(np.asarray(opened(png(grey, scale=1))), grey)


def test_pattern_is_colour_mapped_with_a_small_palette():
    pattern = np.linspace(0, 1, 64).reshape(8, 8)
    image = opened(png(pattern, scale=1))
    assert image.mode == "P"
    colours = np.asarray(image.convert("RGB"))
    assert_array_equal(colours[0, 0], (0, 0, 4))  # both ends of matplotlib's inferno
    assert_array_equal(colours[7, 7], (252, 255, 164))


def test_figure_is_drawn_small_and_closed():
    figure = plt.figure(figsize=(3, 2))
    figure.add_subplot().plot([0, 1])
    image = opened(png(figure, scale=2))
    assert image.size == (600, 400)
    assert image.mode == "P"
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("picture", "scale", "message"),
    [
        (np.zeros(4, bool), 2, r"picture must have shape \(height, width\); got \(4,\)"),
        (np.zeros((4, 4), np.int64), 2, "picture must be bool, uint8 or float; got int64"),
        (np.full((4, 4), 1.5), 2, "a pattern must lie between 0 and 1; got 1.5 to 1.5"),
        (np.full((4, 4), np.nan), 2, "a pattern must lie between 0 and 1; got nan to nan"),
        (np.zeros((4, 4), bool), 0, "scale must be above 0; got 0"),
    ],
)
def test_png_errors(picture, scale, message):
    with pytest.raises(ValueError, match=message):
        png(picture, scale)


# one control ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("control", "kind"), [("slider", ipywidgets.SelectionSlider), ("dropdown", ipywidgets.Dropdown)]
)
def test_stack_slider_links_the_control_to_the_stack(control, kind):
    images = [png(mask_number(k)) for k in (5, 9, 30)]
    box = stack_slider(images, ["1/4", "1", "4"], "variance", control)
    chooser, stack = box.children
    assert isinstance(chooser, kind)
    assert chooser.options == ("1/4", "1", "4")
    assert (chooser.index, stack.selected_index) == (0, 0)
    assert [shown(child) for child in stack.children] == [
        (image, f"variance: {label}") for image, label in zip(images, ("1/4", "1", "4"), strict=True)
    ]
    state, links = links_in([box])
    assert links == {((chooser.model_id, "index"), (stack.model_id, "selected_index"))}
    assert {chooser.model_id, stack.model_id} < state.keys()


def test_alternative_text_is_escaped_and_width_set():
    box = stack_slider([png(mask_number(3))], ['a "quoted" <b>'], "sample", width=300)
    (picture,) = box.children[1].children
    assert shown(picture)[1] == 'sample: a "quoted" <b>'
    assert "<b>" not in picture.value
    assert "width:300px;max-width:100%" in picture.value


def test_a_slider_starts_where_it_is_told_and_leaves_that_picture_to_who_shows_no_widgets():
    pictures = [png(mask_number(k)) for k in (3, 5, 7)]
    box = stack_slider(pictures, ["0", "10", "100"], "epochs", start=-1)
    chooser, stack = box.children
    assert (chooser.index, stack.selected_index) == (2, 2)
    data, metadata = box._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert b64decode(data["image/png"]) == pictures[2]
    assert metadata == {"image/png": {"alt": "epochs: 100"}}
    first = stack_slider(pictures, ["0", "10", "100"], "epochs")
    assert (first.children[1].selected_index, first.still) == (0, pictures[0])


def test_the_still_of_a_grid_is_its_first_picture():
    pictures = {row: {column: png(mask_number(k)) for column in "xy"} for k, row in enumerate("ab", 3)}
    box = grid_selector(pictures, ("threshold", "morphology"))
    assert (box.still, box.alt) == (pictures["a"]["x"], "threshold: a, morphology: x")


# two controls ---------------------------------------------------------------------------------------------------------


def test_grid_selector_reaches_every_picture_by_links():
    images = {
        method: {
            label: png(mask_number(10 * row + column)) for column, label in enumerate(("hexagonal", "skew", "ladders"))
        }
        for row, method in enumerate(("adaptive", "otsu"))
    }
    box = grid_selector(images, ("threshold", "morphology"), ("dropdown", "slider"))
    first, second, outer = box.children
    assert isinstance(first, ipywidgets.Dropdown) and isinstance(second, ipywidgets.SelectionSlider)
    assert first.options == ("adaptive", "otsu")
    assert second.options == ("hexagonal", "skew", "ladders")
    for inner, (method, row) in zip(outer.children, images.items(), strict=True):
        assert inner.selected_index == 0
        for picture, (label, image) in zip(inner.children, row.items(), strict=True):
            assert shown(picture) == (image, f"threshold: {method}, morphology: {label}")
    _, links = links_in([box])
    assert links == {((first.model_id, "index"), (outer.model_id, "selected_index"))} | {
        ((second.model_id, "index"), (inner.model_id, "selected_index")) for inner in outer.children
    }


# errors ---------------------------------------------------------------------------------------------------------------

ONE = png(mask_number(1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stack_slider([], [], "k"), "labels must be different, one for each picture, at least one"),
        (lambda: stack_slider([ONE], ["a", "b"], "k"), r"labels must be different, .*got \['a', 'b'\]"),
        (lambda: stack_slider([ONE, ONE], ["a", "a"], "k"), "labels must be different"),
        (lambda: stack_slider([b"GIF"], ["a"], "k"), "picture 0 must be the bytes of a PNG file; got bytes"),
        (lambda: stack_slider([np.zeros(3)], ["a"], "k"), "picture 0 must be the bytes of a PNG file; got ndarray"),
        (lambda: stack_slider([ONE], ["a"], "k", start=1), "start must be the position of one of 1 pictures; got 1"),
        (lambda: stack_slider([ONE], ["a"], "k", start=-2), "start must be the position of one of 1 pictures; got -2"),
        (
            lambda: stack_slider([ONE], ["a"], "k", control="play"),
            "control must be one of slider, dropdown; got 'play'",
        ),
        (lambda: grid_selector({}, ("a", "b")), "first labels must be different"),
        (lambda: grid_selector({"x": {}}, ("a", "b")), "second labels must be different"),
        (
            lambda: grid_selector({"x": {"u": ONE}, "y": {"v": ONE}}, ("a", "b")),
            r"images\['y'\] must have the labels \['u'\]; got \['v'\]",
        ),
    ],
)
def test_selector_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def shown_pictures(box):
    state = dependency_state(box).values()
    sources = [found[1] for one in state if (found := search(r"base64,([^\"]+)", one["state"].get("value") or ""))]
    return [Image.open(BytesIO(b64decode(source))) for source in sources]


@pytest.mark.parametrize("kind", [float, np.uint8], ids=str)
def test_pictures_too_large_for_a_page_are_all_drawn_smaller(monkeypatch, kind):
    noise = np.random.default_rng(0).random((3, 64, 64)) * (1 if kind is float else 255)
    pictures = [png(picture.astype(kind), scale=1) for picture in noise]
    whole = {picture.size for picture in shown_pictures(stack_slider(pictures, ["a", "b", "c"], "k"))}
    monkeypatch.setattr(selectors, "PAGE_LIMIT", int(0.8 * sum(map(len, pictures))))
    rows = {"x": {"u": pictures[0], "v": pictures[1]}, "y": {"u": pictures[2], "v": pictures[0]}}
    for box, count in ((stack_slider(pictures, ["a", "b", "c"], "k"), 3), (grid_selector(rows, ("a", "b")), 4)):
        found = shown_pictures(box)
        assert len(found) == count
        (size,) = {picture.size for picture in found}
        (before,) = whole
        assert 0.5 * before[0] <= size[0] < before[0] and size[0] / before[0] == pytest.approx(size[1] / before[1])


def test_pictures_far_too_large_for_a_page(monkeypatch):
    monkeypatch.setattr(selectors, "PAGE_LIMIT", 100)
    with pytest.raises(ValueError, match="must not exceed 0.0001 MB together; got .* MB in 2 at 0.5 of their size"):
        stack_slider([ONE, ONE], ["a", "b"], "k")
