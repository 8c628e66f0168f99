"""The model card: what a model was trained on, what it gets wrong, and what its folder gives away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pairvae_lib import __version__
from pairvae_lib.assessment.comparisons import shown_name
from pairvae_lib.assessment.ensemble_errors import AREA
from pairvae_lib.assessment.errors import A2, COMPONENTS, INTENSITY, L_HORIZONTAL, L_VERTICAL, S2
from pairvae_lib.bundles.appraisal import Appraisal
from pairvae_lib.bundles.bundle import EXAMPLES, Bundle
from pairvae_lib.bundles.kinds import KINDS
from pairvae_lib.files.webpage import rendered

METRIC_WORDS = {
    INTENSITY: "mean absolute error of the scattering, of its range",
    S2: "mean absolute error of the two-point correlation",
    A2: "mean absolute error of the directional correlation, 1 at zero lag",
    L_VERTICAL: "mean absolute error of the lineal path function, vertical",
    L_HORIZONTAL: "mean absolute error of the lineal path function, horizontal",
    AREA: "error of the phase fraction",
    COMPONENTS: "error of the logarithm of the number of connected pieces, about its relative error",
}
FEW = 20  # held-out samples
SPECIAL = re.compile(r"([\\`*_{}\[\]|<>&~])")


def escaped(text: object) -> str:
    """Text that Markdown shows as it is, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def model_card(bundle: Bundle, appraisal: Appraisal) -> str:
    """Markdown about a model, from what its folder holds.

    Parameters
    ----------
    bundle : Bundle
        As `train.train_bundle` makes it.
    appraisal : Appraisal
        Of the same model.

    Returns
    -------
    str
    """
    return rendered(
        "card.md",
        plain=escaped,
        name=bundle.provenance["name"],
        words=KINDS[bundle.kind],
        modalities=bundle.modalities,
        version=__version__,
        appraisal=appraisal,
        shown_name=shown_name,
        metric_words=METRIC_WORDS,
        data=data_lines(bundle),
        training=training_lines(bundle),
        limits=limit_lines(bundle),
        given_away=given_away(bundle),
    )


def data_lines(bundle: Bundle) -> list[str]:
    """What was measured, a line for each fact.

    Raises
    ------
    ValueError
        If the model's provenance does not describe a training.
    """
    with _described():
        facts, scaling = bundle.provenance, bundle.scaling
        group = facts.get("held_out_group")
        how = f"all of the group {group}" if group else "at random, by morphology"
        lines = [
            f"name: {facts['data']}",
            f"pairs: {len(facts['train'])} to train on, {len(facts['held_out'])} held out ({how})",
            f"morphologies: {', '.join(f'{name} {count}' for name, count in facts['morphologies'].items())}",
            f"digest of all measurements: {facts['digest']}",
        ]
    if scaling.q is not None:
        lines.append(f"q from {scaling.q[0]:g} to {scaling.q[-1]:g} {scaling.q_unit or 'in an unknown unit'}")
    elif scaling.pattern_shape is not None:
        lines.append(f"patterns of {scaling.pattern_shape[0]} x {scaling.pattern_shape[1]} px")
    known = scaling.nm_per_pixel is not None
    return [*lines, f"pixel size of the micrographs: {f'{scaling.nm_per_pixel:g} nm' if known else 'unknown'}"]


def training_lines(bundle: Bundle) -> list[str]:
    """How the model was made, a line for each fact; errors as `data_lines`."""
    with _described():
        facts = bundle.provenance
        spent = ", ".join(f"{name} {value:.0f} s" for name, value in facts["seconds"].items())
        resumed = "; interrupted and gone on, the time before that is not counted" if facts["resumed"] else ""
        return [
            f"profile: {bundle.profile}",
            f"seed: {facts['seed']}",
            f"date: {facts['date']}",
            f"time: {spent}{resumed}",
            f"versions: {', '.join(f'{name} {value}' for name, value in facts['versions'].items())}",
        ]


def limit_lines(bundle: Bundle) -> list[str]:
    """What the model cannot do; errors as `data_lines`."""
    with _described():
        group, held_out = bundle.provenance.get("held_out_group"), len(bundle.provenance["held_out"])
    lines = [
        KINDS[bundle.kind].limit.format(size=bundle.modalities[1].shape[0]),
        "Measurements of another q range, size, unit or treatment are refused where that can be seen, and answered "
        "wrongly where not.",
    ]
    if not group:
        lines.append(
            "The held-out samples were drawn at random: where samples come in batches that differ, these numbers "
            "flatter; hold out a whole batch (--held-out) to see."
        )
    if held_out < FEW:
        lines.append(f"Only {held_out} samples were held out: the errors are rough.")
    return lines


def given_away(bundle: Bundle) -> str:
    """What others learn from the files of the model."""
    held = KINDS[bundle.kind].held
    if EXAMPLES in bundle.attachments:
        pictures = f"{EXAMPLES} holds pictures of some samples of the data."
        held = pictures if bundle.kind == "pairvae" else f"{held} But {pictures}"
    return (
        f"{held} The names of the samples, their morphologies, and the errors of each are in it. A model that has "
        "learnt crops by heart can be made to draw them (see Memorisation): do not share it if the images are secret."
    )


@contextmanager
def _described() -> Iterator[None]:
    """Whatever a changed provenance raises as one ValueError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"the model's provenance does not describe a training ({error!r})") from error
