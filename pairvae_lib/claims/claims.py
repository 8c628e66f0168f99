"""The paper's claims, one entry per part: where it stands, our wording, what is measured, and where that should lie.

How a verdict follows: `assessment/verdicts.py`, how the ledger is made in `ledger.py`. Bounds on words such as "slightly",
"comparable" or "well" are ours; where the paper's own medians (Table S2) bear on one, the comment says how.
"""

from __future__ import annotations

from dataclasses import dataclass

from pairvae_lib.assessment.verdicts import Range
from pairvae_lib.claims.measures import (
    ALL_CROPS,
    CROSS,
    CROSS_SCATTERING,
    DEFAULT,
    DIRECT,
    OWN,
    OWN_SCATTERING,
    SOLO,
    SOLO_SCATTERING,
    Measure,
    by_class,
    by_size,
    clustering_gain,
    difference,
    draws_among_others,
    each,
    excess,
    final_loss,
    largest_in,
    largest_rise,
    mean_curve,
    nearer_draws,
    over_sizes,
    ratio,
    share,
    threshold_gain,
)

INTENSITY, S2, S2_PERIODIC = "intensity", "S2", "S2 periodic"  # as in evaluation.py
HEXAGONAL, SKEW, LINES, LADDERS = "hexagonal", "skew", "alternating lines", "ladders"
TO_SCATTERING = (SOLO_SCATTERING, OWN_SCATTERING, CROSS_SCATTERING)
TO_MICROGRAPH = (SOLO, OWN, CROSS)
IMAGES, DRAWS, TRAININGS, DATA = "images", "draws", "trainings", "data"


@dataclass(frozen=True)
class Claim:
    """One part of a claim.

    Parameters
    ----------
    id : str
        Number of the claim, and a letter if it has several parts.
    paper_item : str
        Where the paper makes it.
    wording : str
        Ours.
    statistic : str
        What the effect is, with its unit.
    measure : callable
        The cases to decide on: one, or one per class, training size, route, ...; the claim holds if it does in each.
    claimed : Range
        Where the effect lies if the claim holds.
    needs : str
        Which results it reads.
    basis : str
        What is counted: "images", or "draws", "trainings" or "data", where mixed and held out are the same thing.
    """

    id: str
    paper_item: str
    wording: str
    statistic: str
    measure: Measure
    claimed: Range
    needs: str = "errors.json"
    basis: str = IMAGES

    @property
    def number(self) -> int:
        """Of the claim that this is a part of."""
        return int(self.id.rstrip("abcdefgh"))

    @property
    def test(self) -> str:
        """The test in words."""
        if self.basis == TRAININGS:
            return f"{self.claimed} in every training"
        return f"{self.claimed}, p < .05 after Holm"


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "1", "Fig. 3A",
        "Solo-trained, SAXS → SAXS matches the truth well: clearly better than the mean training pattern does",
        "intensity error over that of the training mean, median of images",
        ratio(INTENSITY, SOLO_SCATTERING, "training mean"),
        Range(high=0.8),  # ours: at least a fifth better than an answer that does not look
    ),
    Claim(
        "2a", "Fig. 3B",
        "Solo-trained, SEM → SEM draws slightly too much PMMA, in every class",
        "phase fraction of the reconstruction less the true one, median of images",
        by_class(excess("phase fraction", SOLO)),
        Range(0, 0.1),
    ),
    Claim(
        "2b", "Fig. 3B",
        "Solo-trained, SEM → SEM over-fills ladders most of all classes",
        "that excess for ladders less that for another class, difference of medians",
        largest_in(LADDERS, "phase fraction", SOLO),
        Range(low=0),
    ),
    Claim(
        "3", "Fig. 3B",
        "Solo-trained, SEM → SEM keeps the period of S2 of hexagonal and alternating lines",
        "period of the reconstruction over the true one (0 where S2 has no maximum), median of images",
        by_class(share("period", SOLO), HEXAGONAL, LINES),
        Range(0.9, 1.1),
    ),
    Claim(
        "4", "Fig. 3B",
        "On hexagonal and alternating lines, solo-trained SEM → SEM has a slightly higher vertical lineal path",
        "mean of L(z) up to a quarter of the image, less the true one, median of images",
        by_class(excess("lineal path", SOLO), HEXAGONAL, LINES),
        Range(0, 0.1),
    ),
    Claim(
        "5", "Fig. 3B",
        "Solo-trained, SEM → SEM misses the long-range order of skew",
        "standard deviation of the outer half of S2, over the true one, median of images",
        by_class(share("long-range order", SOLO), SKEW),
        Range(high=0.5),  # ours: less than half of it is there
    ),
    Claim(
        "6", "Fig. 4A",
        "Pair-trained, SAXS → SAXS is worse than solo-trained",
        "intensity error, pair less solo, median of images",
        difference(INTENSITY, OWN_SCATTERING, SOLO_SCATTERING),
        Range(low=0),
    ),
    Claim(
        "7a", "Fig. 4A",
        "SEM → SAXS is comparable to pair-trained SAXS → SAXS",
        "intensity error over that of SAXS → SAXS, median of images",
        ratio(INTENSITY, CROSS_SCATTERING, OWN_SCATTERING),
        Range(0.8, 1.25),  # the paper's medians: 1.09, 1.11, 1.10
    ),
    Claim(
        "7b", "Fig. 6A",
        "SEM → SAXS is a little worse than pair-trained SAXS → SAXS",
        "intensity error, SEM → SAXS less SAXS → SAXS, median of images",
        difference(INTENSITY, CROSS_SCATTERING, OWN_SCATTERING),
        Range(low=0),
    ),
    Claim(
        "8", "Fig. 4B",
        "SAXS → SEM is nearer to the truth in S2 than SEM → SEM, in every class",
        "S2 error, SAXS → SEM less SEM → SEM, median of images",
        by_class(difference(S2, CROSS, OWN)),
        Range(high=0),
    ),
    Claim(
        "9", "Fig. 5",
        "Pair training improves the mean S2 of the micrographs over solo training, by both routes",
        "distance of the mean S2 from the true mean, averaged over r, pair less solo",
        each(mean_curve(OWN, SOLO), mean_curve(CROSS, SOLO)),
        Range(high=0),
        needs="curves.npz",
    ),
    Claim(
        "10a", "Fig. 6A",
        "With every number of training pairs, solo-trained SAXS → SAXS has a lower error than pair-trained",
        "intensity error, solo less pair, median of images",
        by_size(difference(INTENSITY, SOLO_SCATTERING, OWN_SCATTERING)),
        Range(high=0),
    ),
    Claim(
        "10b", "Fig. 6A",
        "With every number of training pairs, pair-trained SAXS → SAXS has a lower error than SEM → SAXS",
        "intensity error, SAXS → SAXS less SEM → SAXS, median of images",
        by_size(difference(INTENSITY, OWN_SCATTERING, CROSS_SCATTERING)),
        Range(high=0),
    ),
    Claim(
        "10c", "Fig. 6A",
        "The errors of all three routes to SAXS stay as they are from 48 to 64 pairs",
        "intensity error with most pairs over that with the next fewer, median of images",
        over_sizes(INTENSITY, TO_SCATTERING, -2, -1),
        Range(0.9, 1 / 0.9),  # the paper's medians: .95, .97, .96; from 32 to 48 .81, .85, .88
    ),
    Claim(
        "11a", "Fig. 6B",
        "With every number of training pairs, SAXS → SEM has the lowest error in S2",
        "error of the periodic S2, SAXS → SEM less SEM → SEM (pair, solo), median of images",
        by_size(each(difference(S2_PERIODIC, CROSS, OWN), difference(S2_PERIODIC, CROSS, SOLO))),
        Range(high=0),
    ),
    Claim(
        "11b", "Fig. 6B",
        "Solo- and pair-trained SEM → SEM have comparable errors in S2",
        "error of the periodic S2, pair over solo, median of images",
        by_size(ratio(S2_PERIODIC, OWN, SOLO)),
        Range(2 / 3, 3 / 2),  # as wide as the paper's medians need: 1.30, .70, .88
    ),
    Claim(
        "11c", "Fig. 6B",
        "The S2 errors of all three routes to SEM fall with the number of training pairs",
        "error of the periodic S2 with most pairs over that with fewest, median of images",
        over_sizes(S2_PERIODIC, TO_MICROGRAPH, 0, -1),
        Range(high=1),
    ),
    Claim(
        "12a", "Fig. 7",
        "Generated micrographs resemble the SAXS → SEM reconstruction that they are drawn around",
        "distance in S2 from it, over that from the reconstruction of the nearest other class, median of draws",
        draws_among_others,
        Range(high=1),
        needs="generation.npz",
        basis=DRAWS,
    ),
    Claim(
        "12b", "Fig. S7",
        "Generated micrographs resemble it more with a tenth of the variance",
        "distance in S2 from the reconstruction, variance x 0.1 less x 1, median of draws",
        nearer_draws(0.1, 1.0),
        Range(high=0),
        needs="generation.npz",
        basis=DRAWS,
    ),
    Claim(
        "12c", "Fig. S8",
        "Generated micrographs resemble it less with four times the variance",
        "distance in S2 from the reconstruction, variance x 1 less x 4, median of draws",
        nearer_draws(1.0, 4.0),
        Range(high=0),
        needs="generation.npz",
        basis=DRAWS,
    ),
    Claim(
        "13", "Fig. S2",
        "An adaptive threshold delineates alternating lines and ladders better than other thresholds",
        "Dice with the true phases, local mean less another method, median of micrographs",
        threshold_gain("dice", LINES, LADDERS),
        Range(low=0),
        needs="thresholds.json",
        basis=DATA,
    ),
    Claim(
        "14a", "Fig. S3E",
        "New random crops in all epochs leave the SEM decoder untrained",
        "loss at the end over ln 2, which is what a decoder has that knows nothing",
        final_loss(ALL_CROPS, CROSS, OWN),
        Range(low=0.9),
        needs="history.json",
        basis=TRAININGS,
    ),
    Claim(
        "14b", "Fig. S3A",
        "Pair training without solo training before it is unstable",
        "largest relative rise of the total loss from epoch to epoch, over that of the two-phase protocol",
        largest_rise(DIRECT),
        Range(low=2),  # ours
        needs="history.json",
        basis=TRAININGS,
    ),
    Claim(
        "14c", "Fig. S3B",
        "The two-phase protocol trains the SEM decoder",
        "loss at the end over ln 2",
        final_loss(DEFAULT, CROSS, OWN),
        Range(high=0.9),
        needs="history.json",
        basis=TRAININGS,
    ),
    Claim(
        "15a", "text on Fig. 4",
        "Pair training makes the SEM latents more clustered",
        "share of their variance between classes, after less before",
        clustering_gain("{M}"),
        Range(low=0),
        basis=TRAININGS,
    ),
    Claim(
        "15b", "text on Fig. 4",
        "Pair training makes the SAXS latents sparser, that is less clustered",
        "share of their variance between classes, after less before",
        clustering_gain("{S}"),
        Range(high=0),
        basis=TRAININGS,
    ),
)  # fmt: skip
