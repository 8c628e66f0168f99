"""A trained model at work: a file of a measurement in, an ensemble of what the other technique would show out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pairvae_lib.bundles.bundle import Bundle, check_latents, check_route, latent_variance
from pairvae_lib.bundles.kinds import KINDS, SELF_ERRORS, PairVAEKind
from pairvae_lib.checks import check_one_of, check_range
from pairvae_lib.data.pairs import as_seen
from pairvae_lib.data.preprocessing import random_crop
from pairvae_lib.data.reading.detectors import HDF5_SUFFIXES, is_curve, linked_files
from pairvae_lib.data.reading.gate import digest_of
from pairvae_lib.data.reading.images import IMAGE_SUFFIXES, data_bar, file_image_rows, file_nm_per_pixel
from pairvae_lib.data.reading.profiles import OVER_ANY, OVER_Q
from pairvae_lib.data.reading.samples import MeasuredFile, SampleFiles, is_grazing
from pairvae_lib.models.flow.condition import LOOKS
from pairvae_lib.models.latents import ensemble, posterior
from pairvae_lib.models.loop import rng_for
from pairvae_lib.models.pairvae import PairVAE

MAX_SAMPLES = 10_000
LEAST_DISAGREEMENT = 0.005  # of the pixels
WIDER = " (generate draws more widely)"
SURE = (
    "the members of the ensemble are nearly the same: the model is sure of one answer, which does not make it right; "
    f"its width says nothing of the error{WIDER}"
)
BEYOND = 1.01  # times the largest error of a held-out sample; such a sample's own file differs from it by rounding
LARGEST_CLIPPED = 0.05  # share of a profile beyond the training data's range; that of training data is 0.002


@dataclass(frozen=True)
class Treatment:
    """What is known of measurements beside their files; see `reading.samples.MeasuredFile`.

    Parameters
    ----------
    q_unit : str
        Unit of q of a 1-D profile, in place of what its file says; "unknown" to leave it open.
    q_scale : float, optional
        The q [1/nm] of one unit of q in a 1-D profile.
    image_rows : int, optional
        Rows of a micrograph above the data bar; as its tags say, else as in the training data, if None.
    nm_per_pixel : float, optional
        Pixel size of a micrograph [nm]; as its tags say if None.
    poni, detector_mask : Path, optional
        Calibration of the detector, and pixels to leave out.
    beam : (row, col), optional
        Where the beam meets the detector [px].
    axis : str
        Label of what a 1-D profile is over, e.g. "wavelength [nm]", where its file does not say.
    """

    q_unit: str = ""
    q_scale: float | None = None
    image_rows: int | None = None
    nm_per_pixel: float | None = None
    poni: Path | None = None
    detector_mask: Path | None = None
    beam: tuple[float, float] | None = None
    axis: str = ""

    def __post_init__(self) -> None:
        for name in ("q_scale", "nm_per_pixel", "image_rows"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a number above 0; got {value!r}")
        if self.beam is not None and not all(map(isfinite, self.beam)):
            raise ValueError(f"beam must be two finite numbers; got {self.beam!r}")


AS_THE_FILE_SAYS = Treatment()


@dataclass(frozen=True, eq=False)
class Measurement:
    """One measurement as a model sees it.

    Parameters
    ----------
    name : str
        Of the file, without its folder.
    sha256 : str
        Of the file.
    source : str
        The modality.
    seen : ndarray
        float32 of the modality's shape, in [0, 1]; of a micrograph the whole mask, bool (H, W), or image, uint8 (H, W).
    warnings : tuple of str
        What to beware of in the file.
    """

    name: str
    sha256: str
    source: str
    seen: NDArray
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Ensemble:
    """What a model says of one measurement.

    Parameters
    ----------
    target : str
        The modality that is predicted.
    drawn : ndarray of shape (n, *shape of the target)
        Boolean masks, or intensities in [0, 1].
    best : ndarray of the target's shape, optional
        The single reconstruction, from the mean of the latent; None where there is none: kinds of models that only
        draw, and micrographs, of which every member has its own crop.
    warnings : tuple of str
        Why not to trust it.
    self_error : float, optional
        See `self_error`.
    """

    measurement: Measurement
    target: str
    drawn: NDArray
    best: NDArray | None
    warnings: tuple[str, ...] = ()
    self_error: float | None = None


def read_measurement(
    bundle: Bundle, path: Path | str, source: str, treatment: Treatment = AS_THE_FILE_SAYS
) -> Measurement:
    """A measurement from a file in any format that data folders may have, scaled as the model's training data were.

    `source` is the modality that it is of, `treatment` what the file does not say. ValueError with the file and the
    reason if it cannot be read, or is not like those that the model was trained on.
    """
    path = Path(path)
    modality, scaling = bundle.modality(source), bundle.scaling(source)
    file = MeasuredFile(
        path, modality.kind, q_scale=treatment.q_scale, image_rows=treatment.image_rows, poni=treatment.poni,
        detector_mask=treatment.detector_mask, beam=treatment.beam, q_unit=treatment.q_unit,
        axis=treatment.axis or (OVER_Q if scaling.axis.name == "q" else OVER_ANY),
        is_grazing=modality.kind == "pattern" and is_grazing(source),
    )
    warned: tuple[str, ...] = ()
    try:
        if not path.is_file():
            raise ValueError("is no file" if path.exists() else "is missing")
        if modality.kind == "profile":
            curve = SampleFiles().profile(replace(file, is_averaged=_is_averaged(file)))
            seen: NDArray = scaling.seen_profile(curve)
            warned = curve.warnings
        elif modality.kind == "pattern":
            seen = scaling.seen_pattern(SampleFiles().levels(file), modality.shape[0])
        else:
            own = treatment.nm_per_pixel or file_nm_per_pixel(path)
            known = [rows for rows in (file_image_rows(path), scaling.image_rows) if rows is not None]
            rows = treatment.image_rows or min(known, default=None)
            grey = SampleFiles().micrograph(replace(file, image_rows=rows))
            if rows is None and (bar := data_bar(grey)) is not None:
                warned = (f"it has what looks like an instrument's data bar from row {bar} on; say so by image_rows",)
            see = scaling.seen_mask if modality.kind == "mask" else scaling.seen_image
            seen = see(grey, modality.shape[0], own)
        return Measurement(path.name, content_digest(path), source, seen, warned)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be used: {error}") from error


def content_digest(path: Path) -> str:
    """SHA-256 of a file; of an Eiger master together with its data files."""
    digest = digest_of(path)
    try:
        parts = linked_files(path)
    except ValueError:  # a broken file, of which reading it tells more
        parts = []
    known = [digest_of(part) for part in parts if part.is_file()]
    return sha256("".join([digest, *known]).encode()).hexdigest() if known else digest


def _is_averaged(file: MeasuredFile) -> bool:
    """Whether a profile is to be made from a detector image, which needs a calibration."""
    suffix = file.path.suffix.lower()
    if suffix not in IMAGE_SUFFIXES or (suffix in HDF5_SUFFIXES and is_curve(file.path)):
        return False
    if file.poni is None:
        raise ValueError("a detector image becomes a 1-D profile by its calibration only; name the .poni file")
    return True


def reconstructed(bundle: Bundle, measurement: Measurement, target: str, samples: int = 16, seed: int = 43) -> Ensemble:
    """An ensemble of what another technique would show of the same sample.

    Parameters
    ----------
    measurement : Measurement
        Of `read_measurement`. A micrograph larger than the model's crop gives every member a crop of its own; a flow
        is told what several crops have in common.
    target : str
        The modality to predict; the measurement's own for a self-reconstruction.
    samples : int
        Members of the ensemble.
    seed : int
        With the file's content it determines all that is drawn: the same file gives the same ensemble, in whatever
        company it is read.
    """
    kind, source = KINDS[bundle.kind], measurement.source
    check_route(bundle, source, target)
    check_range("samples", samples, 1, MAX_SAMPLES)
    rng = rng_for(seed, f"reconstruct-{measurement.sha256}")
    x = _shown_to_model(bundle, measurement, samples, rng)
    drawn = kind.drawn(bundle.model, x, source, target, samples // len(x), rng)
    best = kind.best(bundle.model, x, source, target) if len(x) == 1 else None
    drawn = drawn.reshape(samples, *drawn.shape[2:])
    error = self_error(bundle, measurement, x)
    doubts = measurement.warnings + _doubts(bundle, measurement, error) + _doubts_of_spread(bundle, drawn)
    return Ensemble(measurement, target, drawn, None if best is None else best[0], doubts, error)


def generated(
    bundle: Bundle, measurement: Measurement, target: str, count: int = 16, variance: float = 1.0, seed: int = 43
) -> Ensemble:
    """An ensemble drawn more widely: around the measurement's latent, with the variance of all latents (paper, Fig. 7).

    Parameters
    ----------
    bundle, measurement, target, seed
        As `reconstructed`. The measurement must be of the size that the model sees.
    count : int
        Members of the ensemble.
    variance : float
        Factor on the variance of the training samples' latents; the paper's Fig. S7 and S8 are below and above 1.
    """
    model = check_latents(bundle)
    check_range("count", count, 1, MAX_SAMPLES)
    check_one_of("target", target, model.names)
    source = measurement.source
    spread = latent_variance(bundle)[source]
    rng = rng_for(seed, f"generate-{measurement.sha256}")
    x = _shown_to_model(bundle, measurement, 1, rng)
    centre = posterior(model.vae(source), x).latent_mean[0]
    drawn = ensemble(model, centre, spread, target, count, rng, variance)
    best = PairVAEKind().best(model, x, source, target)[0]
    error = self_error(bundle, measurement, x)
    doubts = measurement.warnings + _doubts(bundle, measurement, error)
    return Ensemble(measurement, target, drawn, best, doubts, error)


def self_error(
    bundle: Bundle, measurement: Measurement, x: NDArray[np.float32] | None = None
) -> float | None:
    """Mean absolute error of a measurement -> the same measurement; None of masks, and where there is no such route.

    `x` is what the model sees of it, (m, 1, *shape): all of it, if not given. Large for a measurement that is unlike
    those of the training.
    """
    kind, source = KINDS[bundle.kind], measurement.source
    if bundle.modality(source).kind == "mask" or (source, source) not in kind.routes(bundle.model):
        return None
    x = as_seen(measurement.seen)[np.newaxis, np.newaxis] if x is None else x
    again = kind.best(bundle.model, x, source, source)
    return None if again is None else float(np.abs(again - x[:, 0]).mean())


def _shown_to_model(
    bundle: Bundle, measurement: Measurement, samples: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """What goes into the encoder, (m, 1, *shape): the measurement, or as many crops of a larger micrograph.

    A model that only draws gets LOOKS crops as the channels of one.
    """
    modality = bundle.modality(measurement.source)
    seen = measurement.seen
    if seen.shape == modality.shape:
        return as_seen(seen)[np.newaxis, np.newaxis]
    only_draws = KINDS[bundle.kind].only_draws
    crops = [random_crop(seen, modality.shape[0], rng) for _ in range(LOOKS if only_draws else samples)]
    return np.expand_dims(as_seen(np.stack(crops)), 0 if only_draws else 1)


def disagreement(masks: NDArray[np.bool_]) -> float:
    """Share of the pixels in which a mask differs from the majority of an ensemble (n, height, width)."""
    share = masks.mean(axis=0)
    return float(np.minimum(share, 1 - share).mean())


def _doubts_of_spread(bundle: Bundle, drawn: NDArray) -> tuple[str, ...]:
    """Whether an ensemble is one answer over and over."""
    if drawn.dtype != np.bool_ or len(drawn) < 2 or disagreement(drawn) >= LEAST_DISAGREEMENT:
        return ()
    return (SURE if isinstance(bundle.model, PairVAE) else SURE.removesuffix(WIDER),)


def _doubts(bundle: Bundle, measurement: Measurement, error: float | None) -> tuple[str, ...]:
    """Why a model should not be trusted with a measurement."""
    doubts = []
    known = bundle.provenance.get(SELF_ERRORS)
    if isinstance(known, dict):
        known = known.get(measurement.source, known)  # bundles of format version 1 know one technique alone
    if error is not None and isinstance(known, dict) and isinstance(known.get("largest"), int | float):
        if error > BEYOND * known["largest"]:
            doubts.append(
                f"the model gives this measurement itself back with an error of {error:.3g}, and no held-out sample "
                f"with one above {known['largest']:.3g}: it is unlike those that the model was trained on"
            )
    is_profile = bundle.modality(measurement.source).kind == "profile"
    clipped = float(np.isin(measurement.seen, (0, 1)).mean())
    if is_profile and clipped > LARGEST_CLIPPED:
        doubts.append(f"{clipped:.0%} of the profile lie beyond the values of the training data, and were clipped")
    return tuple(doubts)
