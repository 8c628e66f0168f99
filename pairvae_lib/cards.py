"""The model card: what a model was trained on, what it gets wrong, and what its folder gives away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pairvae_lib import __version__
from pairvae_lib.appraisal import Appraisal
from pairvae_lib.bundle import EXAMPLES, Bundle
from pairvae_lib.comparisons import shown_name
from pairvae_lib.ensemble_errors import AREA
from pairvae_lib.evaluation import A2, COMPONENTS, INTENSITY, L_HORIZONTAL, L_VERTICAL, S2
from pairvae_lib.kinds import KINDS

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
        As `producing.produce` makes it.
    appraisal : Appraisal
        Of the same model.

    Returns
    -------
    str
    """
    scattering, micrograph = bundle.modalities
    words, route = KINDS[bundle.kind], escaped(shown_name(appraisal.to_micrograph))
    parts = [
        f"# {escaped(bundle.provenance['name'])}",
        f"A {words.name} for {escaped(scattering.name)} {_shape(scattering.shape)} and {escaped(micrograph.name)} "
        f"{_shape(micrograph.shape)}. Written by pairvae_lib {__version__}.",
        "## Does it beat a look-up in the training data?",
        appraisal.sentence(),
        escaped(appraisal.plain_sentence()),
        _comparison_table(appraisal),
        words.look_up + " Intervals are 95 %, over the held-out samples of this one training; another seed would give "
        "somewhat other numbers.",
        "## Data",
        _listed(data_lines(bundle)),
        "## Training",
        _listed(training_lines(bundle)),
        "## Errors",
        f"Medians over {appraisal.count('train')} training and {appraisal.count('held out')} held-out samples. "
        + words.references,
        *(_error_table(appraisal, metric) for metric in appraisal.metrics if metric in appraisal.errors),
        "## Memorisation",
        f"{appraisal.memory_sentence()} Overlaps are Dice coefficients of {route}; 1: the same image.",
        *_ensemble_lines(appraisal),
        "## Intended use",
        "New measurements of the same techniques, taken and treated as the training data were, of samples like those "
        "of the training. " + words.use,
        "## Limits",
        _listed(limit_lines(bundle)),
        "## What this folder gives away",
        escaped(given_away(bundle)),
    ]
    return "\n\n".join(parts) + "\n"


def _shape(shape: tuple[int, ...]) -> str:
    """Of one measurement."""
    return f"({' x '.join(map(str, shape))} {'px' if len(shape) == 2 else 'points'})"


def _ensemble_lines(appraisal: Appraisal) -> list[str]:
    """What is told of the ensembles of kinds that draw them."""
    found = [sentence for name, sentence in appraisal.facts().items() if name != "memorisation"]
    return ["## Ensembles", _listed(found)] if found else []


def _comparison_table(appraisal: Appraisal) -> str:
    """Routes against retrieval."""
    rows = ["| route | error | model | look-up | difference | verdict |", "|---|---|---|---|---|---|"]
    for one in appraisal.comparisons:
        difference = one.difference
        interval = "too few held out" if difference is None else (
            f"{difference.estimate:+.4f} ({difference.low:+.4f} to {difference.high:+.4f})"
        )
        rows.append(
            f"| {escaped(shown_name(one.route))} | {one.metric} | {one.error:.4f} | {one.reference_error:.4f} "
            f"({one.reference}) | {interval} | {one.verdict} |"
        )
    return "\n".join(rows)


def _error_table(appraisal: Appraisal, metric: str) -> str:
    """All routes and references of a metric."""
    rows = [f"**{metric}**: {METRIC_WORDS[metric]}", "", "| | training | held out |", "|---|---|---|"]
    for name, train, held_out in appraisal.rows(metric):
        rows.append(f"| {escaped(shown_name(name))} | {train:.4f} | {held_out:.4f} |")
    return "\n".join(rows)


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


def _listed(lines: list[str]) -> str:
    """A list."""
    return "\n".join(f"- {escaped(line)}" for line in lines)
