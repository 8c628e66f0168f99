"""What a model's folder says of its quality: errors beside references, memorisation, and whether it beats retrieval."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.assessment.comparisons import Comparison, compared, label, median_interval, summary_sentence
from pairvae_lib.assessment.ensemble_errors import (
    ANOTHER,
    DRAWN_HELD_OUT,
    DRAWN_TRAINING,
    METRICS,
    OWN,
    TRUE_HELD_OUT,
    TRUE_TRAINING,
)
from pairvae_lib.assessment.errors import A2, FLOOR, INTENSITY, L_HORIZONTAL, L_VERTICAL, S2, SUBSETS, metric_of
from pairvae_lib.bundles.bundle import ASSESSMENT, Bundle
from pairvae_lib.data.modality import Modality
from pairvae_lib.models.pairvae import route_name

RETRIEVAL = ("nearest neighbour", "three nearest neighbours")
PLAIN = ("kernel ridge", "training mean")
SHOWN_REFERENCES = (*RETRIEVAL, *PLAIN, FLOOR)
TRAIN, HELD_OUT = SUBSETS
USUAL_SPREAD = (0.8, 1.25)  # of an ensemble, over that of crops of the micrograph
RECALLED = 0.1  # Dice; by how much training crops may be met better than other crops of their samples


@dataclass(frozen=True, eq=False)
class Appraisal:
    """A model's assessment, from plain values.

    Parameters
    ----------
    modalities : (Modality, Modality)
    errors, references : dict of metric to dict of name to ndarray of shape (n,)
        As in `errors.Assessment`.
    curves : dict of name to ndarray
        "r", "z" [px], and means over the samples of a subset: "S2 true, held out", "S2 saxs_to_sem, train", ...
    """

    shown: ClassVar[tuple[str, ...]] = (INTENSITY, S2, A2, L_VERTICAL, L_HORIZONTAL)  # metrics, in this order

    modalities: tuple[Modality, Modality]
    samples: tuple[tuple[str, str, str], ...]
    errors: dict[str, dict[str, NDArray]]
    references: dict[str, dict[str, NDArray]]
    memorisation: dict[str, NDArray]
    curves: dict[str, NDArray]

    @property
    def subsets(self) -> NDArray:
        """Subset of every sample, (n,)."""
        return np.array([subset for _, _, subset in self.samples])

    @property
    def is_of_masks(self) -> bool:
        """Whether the techniques are a profile or pattern, and masks: then memorisation is measured."""
        first, second = self.modalities
        return second.kind == "mask" and not first.is_cropped

    @property
    def metrics(self) -> list[str]:
        """Those shown, of both techniques: with the name of one where the other has the same."""
        named = [metric_of(metric, one, self.modalities) for metric in self.shown for one in self.modalities]
        return list(dict.fromkeys(name for name in named if name in self.errors))

    @property
    def across(self) -> tuple[str, str]:
        """The routes from the first technique to the second, and back."""
        first, second = (modality.name for modality in self.modalities)
        return route_name(first, second), route_name(second, first)

    def count(self, subset: str) -> int:
        """Number of samples of a subset."""
        return int((self.subsets == subset).sum())

    def median(self, values: NDArray, subset: str) -> float:
        """Median over the samples of a subset."""
        return float(np.median(values[self.subsets == subset]))

    def rows(self, metric: str) -> list[tuple[str, float, float]]:
        """Every route and reference of a metric, with its median error on training and on held-out samples."""
        named = self.errors[metric] | {
            name: self.references[metric][name] for name in SHOWN_REFERENCES if name in self.references[metric]
        }
        return [(name, self.median(values, TRAIN), self.median(values, HELD_OUT)) for name, values in named.items()]

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Routes and metrics that are held against retrieval: S2 and direction of masks, else the intensity."""
        return self._of_routes(S2, A2)

    def _of_routes(self, *of_masks: str) -> list[tuple[str, str]]:
        """Both routes with their metrics: some of masks, else the intensity."""
        return [
            (route, metric_of(metric, target, self.modalities))
            for route, target in zip(self.across, self.modalities[::-1], strict=True)
            for metric in (of_masks if target.kind == "mask" else (INTENSITY,))
        ]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """The routes between the techniques against retrieval."""
        held_out = self.subsets == HELD_OUT
        found = []
        for route, metric in self.asked:
            if route in self.errors.get(metric, ()):
                known = self.references[metric]
                retrieval = {name: known[name][held_out] for name in RETRIEVAL if name in known}
                found.append(compared(route, metric, self.errors[metric][route][held_out], retrieval))
        return found

    @property
    def needed(self) -> list[tuple[str, str]]:
        """Routes and metrics without which there is nothing to say."""
        return self._of_routes(S2)

    @property
    def recalled(self) -> float | None:
        """How much better its own training crops are met than other crops of the samples (Dice), where measured."""
        if not self.is_of_masks:
            return None
        own, other = (self.memorisation[name] for name in ("own training crop", "other crops of the sample"))
        return float(np.median(own) - np.median(other))

    def sentence(self) -> str:
        """Whether the model beats retrieval, in plain words."""
        return summary_sentence(self.comparisons)

    def nearer_answers(self) -> list[str]:
        """Where a regression, or an answer that looks at no measurement, does at least as well in the median."""
        found = []
        for one in self.comparisons:
            known = self.references[one.metric]
            errors = {name: self.median(known[name], HELD_OUT) for name in PLAIN if name in known}
            nearer = [f"{name} {error:.4f}" for name, error in errors.items() if error <= one.error]
            if nearer:
                what = label(one, self.comparisons)
                found.append(f"{what} {' and '.join(nearer)}, the model {one.error:.4f}")
        return found

    def plain_sentence(self) -> str:
        """The same in plain words."""
        found = self.nearer_answers()
        if not found:
            return f"No other answer without a network ({', '.join(PLAIN)}) comes as near in the median."
        return f"Other answers without a network come as near or nearer in the median: {'; '.join(found)}."

    def memory_sentence(self) -> str:
        """Whether the model has learnt training crops by heart, in plain words."""
        if not self.is_of_masks:
            return "Whether it remembers its training data was not measured: that is done for masks from scattering."
        own, other = (
            float(np.median(self.memorisation[name])) for name in ("own training crop", "other crops of the sample")
        )
        what = (
            "It has learnt training crops by heart: they can be drawn from it"
            if own - other > RECALLED
            else "It does not draw its training crops better than others"
        )
        return f"{what} (overlap {own:.2f} with its own training crop, {other:.2f} with other crops of the sample)."

    def facts(self) -> dict[str, str]:
        """Further sentences, each by what it is about."""
        return {"memorisation": self.memory_sentence()}


@dataclass(frozen=True, eq=False)
class FlowAppraisal(Appraisal):
    """A conditional flow's assessment, from plain values.

    Parameters
    ----------
    errors, references
        Of ensembles, in the metrics of `ensemble_errors`; the one route is that to the micrograph. References: crops of
        neighbours, statistics predicted without any mask, and other crops of the same micrograph.
    memorisation
        Dice coefficients with the training crop that is met best anywhere: of masks drawn for held-out samples and of
        true crops of them; of masks drawn for training samples, and of true crops of them in other micrographs.
    spread : dict of name to ndarray of shape (n,)
        Spread of S2 over an ensemble, over that of the true crops.
    denoising : dict of name to ndarray of shape (n,)
        Cross-entropy [nats per pixel] with the sample's own scattering, and with another's.
    """

    shown: ClassVar[tuple[str, ...]] = METRICS

    spread: dict[str, NDArray]
    denoising: dict[str, NDArray]

    @property
    def metrics(self) -> list[str]:
        """All of METRICS, which are of the second technique alone."""
        return list(METRICS)

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Every statistic of the ensembles; the way back is not learnt."""
        return [(self.across[0], metric) for metric in METRICS]

    @property
    def needed(self) -> list[tuple[str, str]]:
        """The same, one and all."""
        return self.asked

    @property
    def overlaps(self) -> list[tuple[float, float]]:
        """What is drawn, and true crops, against the training micrographs: for held-out, and for training samples."""
        median = {name: float(np.median(values)) for name, values in self.memorisation.items()}
        kinds = (DRAWN_HELD_OUT, TRUE_HELD_OUT), (DRAWN_TRAINING, TRUE_TRAINING)
        return [(median[drawn], median[true]) for drawn, true in kinds]

    @property
    def recalled(self) -> float:
        """How much better training micrographs are met by what is drawn than by true crops (Dice)."""
        return max(drawn - true for drawn, true in self.overlaps)

    def memory_sentence(self) -> str:
        """Whether what is drawn copies training micrographs, in plain words."""
        (drawn, true), (drawn_again, true_again) = self.overlaps
        what = (
            "It has learnt training crops by heart: they can be drawn from it"
            if self.recalled > RECALLED
            else "It does not copy training crops"
        )
        return (
            f"{what} (best overlap with any of them: {drawn:.2f} where it is asked for held-out samples, "
            f"{drawn_again:.2f} for training samples; true crops of other micrographs {true:.2f} and {true_again:.2f})."
        )

    def spread_sentence(self) -> str:
        """How varied its ensembles are, in plain words."""
        ratio = self.median(self.spread[self.across[0]], HELD_OUT)
        low, high = USUAL_SPREAD
        what = "less varied than" if ratio < low else "more varied than" if ratio > high else "about as varied as"
        return f"Its ensembles are {what} crops of one micrograph ({ratio:.2f} times the spread of S2, held out)."

    def scattering_sentence(self) -> str:
        """Whether it looks at the measurement, in plain words."""
        held_out = self.subsets == HELD_OUT
        own, another = (self.denoising[name][held_out] for name in (OWN, ANOTHER))
        gain = median_interval(another - own)
        if gain is None:
            return "Whether it uses the measurement is not shown: too few samples were held out."
        numbers = (
            f"a mask in noise is told {gain.estimate:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}) nats per pixel better "
            "by the measurement of its own sample than by that of another, both held out"
        )
        answer = "It uses" if gain.low > 0 else "It is not shown to use"
        return f"{answer} the measurement: {numbers}."

    def facts(self) -> dict[str, str]:
        """With spread and use of the scattering."""
        return super().facts() | {"spread": self.spread_sentence(), "scattering": self.scattering_sentence()}


def appraisal_of(bundle: Bundle) -> Appraisal:
    """What a model's folder says of its quality; ValueError if it holds no assessment, or something else there."""
    if ASSESSMENT not in bundle.attachments:
        raise ValueError(f"the model's folder holds no {ASSESSMENT}; train it with pairvae train")
    try:
        return read_appraisal(json.loads(bundle.attachments[ASSESSMENT]), bundle.modalities, bundle.kind)
    except Exception as error:  # a changed file raises anything
        raise ValueError(f"{ASSESSMENT} does not describe an assessment ({error!r})") from error


def read_appraisal(
    content: Mapping[str, Any], modalities: tuple[Modality, Modality], kind: str = "pairvae"
) -> Appraisal:
    """An appraisal from what a kind's `trained` wrote, checked; `kind` is a key of `kinds.KINDS`."""
    samples = tuple((str(one["sample_id"]), str(one["morphology"]), str(one["subset"])) for one in content["samples"])
    held = {"train", "held out"} - {subset for _, _, subset in samples}
    if held:
        raise ValueError(f"no sample is {' or '.join(sorted(held))}")

    def numbers(values: Any, length: int | None) -> NDArray[np.float64]:
        found = np.array(values, dtype=np.float64)
        if found.ndim != 1 or length not in (None, len(found)) or not np.isfinite(found).all():
            raise ValueError(f"expected {length or 'some'} finite numbers; got shape {found.shape}")
        return found

    def table(name: str) -> dict[str, dict[str, NDArray]]:
        return {
            str(metric): {str(series): numbers(values, len(samples)) for series, values in named.items()}
            for metric, named in content[name].items()
        }

    def series(name: str, length: int | None = None) -> dict[str, NDArray]:
        return {str(key): numbers(values, length) for key, values in content[name].items()}

    common = (
        modalities, samples, table("errors"), table("references"), series("memorisation"), series("curves")
    )
    appraisal = (
        FlowAppraisal(*common, series("spread", len(samples)), series("denoising", len(samples)))
        if kind == "flow"
        else Appraisal(*common)
    )
    for route, metric in appraisal.needed:
        _ = appraisal.errors[metric][route], appraisal.references[metric][RETRIEVAL[0]]
    _ = appraisal.recalled, appraisal.facts()
    return appraisal
