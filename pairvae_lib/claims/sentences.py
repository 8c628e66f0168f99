"""Every sentence of results in the paper, in our words: the claims that test it, or why none does."""

from __future__ import annotations

from typing import NamedTuple


class Sentence(NamedTuple):
    """What the paper says in one sentence of its results or conclusion.

    Parameters
    ----------
    claims : tuple of str
        Ids of the `claims.CLAIMS` that test it; none where it cannot be tested.
    why : str
        Why it cannot be tested; empty where it is.
    """

    paper_item: str
    says: str
    claims: tuple[str, ...] = ()
    why: str = ""


BY_EYE = "a judgement by eye; the numbers beside it are tested"
CAUSE = "a cause is named for what is tested elsewhere; no number of the paper speaks for the cause itself"
OTHER_DATA = "a statement about the paper's own data, which are not included"

SENTENCES: tuple[Sentence, ...] = (
    Sentence("method", "Adaptive thresholds delineate alternating lines and ladders much better than others",
             ("13a", "13b")),
    Sentence("method, Fig. S3D, E", "New random crops in every epoch of pair training leave the SEM decoder untrained",
             ("14a",)),
    Sentence("method, Fig. S3", "The two-part protocol trains the SEM decoder", ("14c",)),
    Sentence("Fig. S3A-E", "Pair training without solo training before it is unstable", ("14b",)),
    Sentence("text on Fig. 3A", "Solo-trained SAXS reconstructions match the truth well", ("1",)),
    Sentence("text on Fig. 3A", "Solo-trained SEM reconstructions resemble the truth in part only; skew and ladders "
             "look different", why=BY_EYE),
    Sentence("text on Fig. 3B", "The vertical lineal path has more features than the horizontal one, as the grating is "
             "vertical", why=OTHER_DATA),
    Sentence("text on Fig. 3B", "The fraction of PMMA is a little high in every class, most of all in ladders",
             ("2a", "2b")),
    Sentence("text on Fig. 3B", "Hexagonal and alternating lines keep the period of S2", ("3",)),
    Sentence("text on Fig. 3B", "Their vertical lineal path is slightly high", ("4",)),
    Sentence("text on Fig. 3B", "The long-range order of skew is missed", ("5",)),
    Sentence("text on Fig. 3B", "Ladders are harder to reconstruct as they vary more, and as PMMA lies on the rims of "
             "their shapes", why=CAUSE),
    Sentence("text on Fig. 4A", "Pair-trained SAXS to SAXS is worse than solo-trained", ("6",)),
    Sentence("text on Fig. 4A", "SEM to SAXS is comparable to pair-trained SAXS to SAXS", ("7a",)),
    Sentence("text on Fig. 4A", "SAXS to SEM looks more like the truth than SEM to SEM in all four classes", ("8",)),
    Sentence("text on Fig. 4A", "Pairing improves SEM and deteriorates SAXS reconstructions against solo training",
             ("6", "9b")),
    Sentence("text on Fig. 4B", "Hexagonal: S2 of SAXS to SEM closely matches, that of SEM to SEM is slightly high",
             ("8", "16h")),
    Sentence("text on Fig. 4B", "Hexagonal: SEM to SEM misses the shape of S2", why=BY_EYE),
    Sentence("text on Fig. 4B", "Hexagonal: the lineal path of SAXS to SEM is nearer to the truth, and slightly high; "
             "that of SEM to SEM is low", ("16a", "16b", "16c")),
    Sentence("text on Fig. 4B", "Skew: SAXS to SEM follows the oscillations of S2, slightly too low", ("16e", "16i")),
    Sentence("text on Fig. 4B", "Skew: SEM to SEM has the mean of S2 but not its shape", ("16f",)),
    Sentence("text on Fig. 4B", "Skew: the lineal path of both routes matches closely", ("16d",)),
    Sentence("text on Fig. 4B", "Alternating lines: both routes keep the period of S2, and both are too high",
             ("16g", "16h")),
    Sentence("text on Fig. 4B", "Alternating lines: S2 is too high as the minor dotted region is missed", why=CAUSE),
    Sentence("text on Fig. 4B", "Alternating lines: SAXS to SEM has longer segments, SEM to SEM shorter ones",
             ("16b", "16c")),
    Sentence("text on Fig. 4B", "Ladders: S2 of both routes is off but much better than solo-trained", ("16j",)),
    Sentence("text on Fig. 4B", "Ladders: the lineal path of SAXS to SEM is a close match", ("16d",)),
    Sentence("text on Fig. 4", "The SAXS latents are more clustered than the SEM latents, and pairing makes them "
             "sparser, the SEM latents more convergent", ("15a", "15b")),
    Sentence("text on Fig. 4", "That is why SAXS reconstructions get worse and SEM reconstructions better", why=CAUSE),
    Sentence("text on Fig. 5A", "The mean S2 of solo-trained SEM reconstructions is above the true one", ("9a",)),
    Sentence("text on Fig. 5B", "Mean and variance of S2 of both pair-trained routes closely match the truth",
             ("9c", "9d")),
    Sentence("text on Fig. 5", "Pair training improves SEM reconstructions on average", ("9b",)),
    Sentence("text on Fig. 6A", "Solo-trained SAXS to SAXS has a much lower error than both pair-trained routes",
             ("10a",)),
    Sentence("text on Fig. 6A", "SEM to SAXS is always a little worse than pair-trained SAXS to SAXS", ("7b", "10b")),
    Sentence("text on Fig. 6A", "That is so because an SEM image shows local morphology", why=CAUSE),
    Sentence("text on Fig. 6A", "All three errors plateau from 48 to 64 training images", ("10c",)),
    Sentence("text on Fig. 6B", "SAXS to SEM always has the lowest error in S2", ("11a",)),
    Sentence("text on Fig. 6B", "Solo- and pair-trained SEM to SEM have comparable errors", ("11b",)),
    Sentence("text on Fig. 6B", "SEM reconstructions improve with more training images", ("11c",)),
    Sentence("text on Fig. 7", "Generated micrographs are morphologically similar to the reconstruction", ("12a",)),
    Sentence("text on Fig. 7", "They show variations of junctions, vacancies and defects as experiments may",
             why=BY_EYE),
    Sentence("Fig. S7, S8", "A smaller variance gives a better, a larger one a lesser resemblance", ("12b", "12c")),
    Sentence("text on Fig. 7, conclusion", "Encoder and decoder can be taken apart, which a U-Net with its skip "
             "connections does not allow; only so can ensembles be generated",
             why="a statement about an architecture, not a number. A U-Net that turns one image into another cannot be "
             "taken apart; but a U-Net that is trained as a flow generates ensembles, which chapter 8 shows"),
    Sentence("conclusion", "S2 of SEM images generated from SAXS closely matches the truth, for all data on average",
             ("9c",)),
    Sentence("conclusion", "Random crops mitigate the handicap of small data",
             why="the paper trains no model without random crops in solo training, and neither do we"),
)  # fmt: skip
