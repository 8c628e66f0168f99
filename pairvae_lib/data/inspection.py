"""A look at a data folder before anything is trained on it: what is there, what is wrong, what to beware of.

As words for a terminal, as JSON, and as one HTML page that needs nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairvae_lib import __version__
from pairvae_lib.checks import DataError
from pairvae_lib.config import PAPER_TRAINING_SIZES, TRAINING_FRACTION, Profile
from pairvae_lib.data.dataset import PairedDataset
from pairvae_lib.data.folder import readable_pairs
from pairvae_lib.data.reading.gate import digest_of
from pairvae_lib.data.reading.images import SAME_SCALE, data_bar, file_nm_per_pixel, image_header
from pairvae_lib.data.reading.patterns import is_one_sided
from pairvae_lib.data.reading.samples import UNLABELLED, Sample
from pairvae_lib.files.webpage import address, rendered

HEADINGS = ("column", "taken_for", "files", "size", "values", "unit", "left_out")
THUMBNAIL = 96  # px
CURVE_POINTS = 64
BEAM_DISC, BEAM_RING = 0.02, (0.04, 0.08)  # of the shorter side of a pattern
DARK = 0.2  # intensity about the beam over that of the ring around it
LEAST_PER_LABEL = 3  # a label in training, and something held out, more than once
MUCH_EXPLAINED = 0.5  # share of the variance of the area fraction, from which on a group tells most
EXTREME_FRACTION = 0.05
SATURATED_SHARE = {True: 1e-3, False: 1e-2}  # pixels at the largest value: of counts; of scaled, clipped intensities
MAX_SHOWN = 160  # samples with pictures: up to 25 kB each

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Seen:
    """What one sample holds; None where it cannot be read, and what does not concern its kind."""

    sample_id: str
    morphology: str
    group: str
    scattering: str  # file relative to the folder
    micrograph: str  # file relative to the folder
    scattering_shape: tuple[int, ...] | None = None  # [px] of a pattern, points of a profile
    micrograph_shape: tuple[int, ...] | None = None  # [px], as it is handed out
    q: tuple[float, float] | None = None  # (first, last) of a profile
    masked: float | None = None  # share of the pixels of a pattern
    saturated: float | None = None  # share of the pixels of a pattern
    is_counts: bool | None = None  # whether a pattern holds raw counts, else scaled intensities
    is_dark_at_beam: bool | None = None  # whether an unmasked pattern is dark about its beam
    is_grazing: bool = False  # whether a pattern with masked pixels is filled as one of grazing incidence
    scattering_range: tuple[float, float] | None = None  # of the intensities in the file
    columns: str = ""  # of a profile, which were taken
    q_unit: str = ""  # of a profile
    q_unit_from: str = ""  # where the unit comes from
    left_out: Mapping[str, int] = field(default_factory=dict)  # points of a profile by the reason why
    notes: tuple[str, ...] = ()  # what to beware of in a profile
    area_fraction: float | None = None  # share of bright pixels
    levels: str = ""  # type of the pixels of a micrograph
    grey_range: tuple[float, float] | None = None  # of the micrograph, as it is handed out in 8 bits
    rows_cut: int = 0  # rows of the micrograph below those that count
    image_rows: int | None = None  # rows of the micrograph above the data bar, where known
    bar_from: int | None = None  # row from which on it looks like a data bar that nobody named
    from_tags: tuple[str, ...] = ()  # which of nm_per_pixel and image_rows the tags gave
    nm_per_pixel: float | None = None  # by the manifest or the tags
    nm_in_tags: float | None = None  # by the tags alone
    beam: tuple[float, float] | None = None  # (row, col) where known [px]
    digests: Mapping[str, str] = field(default_factory=dict)  # of the two files, and of the mask however it is turned
    pictures: Mapping[str, NDArray] = field(default_factory=dict)  # "pattern", "mask" (uint8), "profile" (q, intensity)


@dataclass(frozen=True)
class Column:
    """What is known of a column of the manifest, in words."""

    column: str
    taken_for: str
    files: str = ""
    size: str = ""
    values: str = ""
    unit: str = ""  # with where it comes from
    left_out: str = ""  # and why


@dataclass(frozen=True, eq=False)
class Inspection:
    """What is there, what is wrong, and what to beware of."""

    folder: Path
    profile: str  # name of that for which it was looked at
    scattering_name: str  # of the technique, as the next; "" where nothing can be read
    micrograph_name: str
    is_profile: bool  # whether the scattering is 1-D
    q_unit: str  # of 1-D profiles
    common_nm_per_pixel: float | None  # to which micrographs of different scale are brought
    roles: Mapping[str, str]  # what every column of the manifest was taken for
    samples: tuple[Seen, ...]  # those that the folder lists without fault
    problems: tuple[str, ...]  # what makes the folder unusable
    warnings: tuple[str, ...]  # what does not

    @property
    def is_usable(self) -> bool:
        """Whether it can be trained on."""
        return not self.problems

    @property
    def facts(self) -> dict[str, str]:
        """What is there, as a list of names and words."""
        facts = {"samples": str(len(self.samples))}
        if not self.samples:
            return facts
        ranges = [sample.q for sample in self.samples if sample.q]
        if ranges:
            first, last = max(q[0] for q in ranges), min(q[1] for q in ranges)
            facts["q that all cover"] = f"{first:.4g} to {last:.4g} {self.q_unit or '(unit unknown)'}"
        if self.common_nm_per_pixel:
            facts["micrographs brought to"] = f"{self.common_nm_per_pixel:g} nm per pixel"
        fractions = [sample.area_fraction for sample in self.samples if sample.area_fraction is not None]
        if fractions:
            facts["area fraction of the bright phase"] = (
                f"{np.mean(fractions):.3f} on average, {min(fractions):.3f} to {max(fractions):.3f}"
            )
        facts["morphologies"] = _named(sample.morphology for sample in self.samples) or "not given"
        facts["groups"] = _named(sample.group for sample in self.samples) or "not given"
        return facts

    @property
    def columns(self) -> tuple[Column, ...]:
        """What every column of the manifest was taken for, and what was read of it."""
        said = {"scattering": self._scattering_column, "micrographs": self._micrograph_column}
        return tuple(
            said[role](name) if role in said and self.samples else Column(name, role)
            for name, role in self.roles.items()
        )

    def _scattering_column(self, name: str) -> Column:
        """What was read of the scattering."""
        read = [sample for sample in self.samples if sample.scattering_shape]
        counts = any(sample.is_counts for sample in read)
        kind = "2-D patterns, " + ("raw counts on a log scale" if counts else "scaled intensities")
        units = Counter(f"{s.q_unit or 'unknown'}{f' by {s.q_unit_from}' if s.q_unit_from else ''}" for s in read)
        points: Counter[str] = Counter()
        for sample in read:
            points.update(sample.left_out)
        left_out = [
            f"{count} points {why} ({sum(why in sample.left_out for sample in read)} files)"
            for why, count in points.items()
        ]
        masked = [sample.masked for sample in read if sample.masked]
        if masked:
            way = "left-right or between neighbours" if any(sample.is_grazing for sample in read) else "by symmetry"
            left_out.append(f"{np.mean(masked):.1%} of the pixels masked ({len(masked)} files), filled {way}")
        values = [sample.scattering_range for sample in read if sample.scattering_range]
        taken = Counter(sample.columns for sample in read if sample.columns)
        return Column(
            name,
            f"1-D profiles; {_often(taken)}" if self.is_profile else kind,
            f"{len(read)} of {len(self.samples)}",
            _counted((s.scattering_shape for s in read), " px" if not self.is_profile else " points"),
            (f"q {_span([s.q for s in read if s.q])}, " if self.is_profile else "") + f"intensity {_span(values)}",
            f"q in {_often(units)}" if self.is_profile else "",
            "; ".join(left_out) or "nothing",
        )

    def _micrograph_column(self, name: str) -> Column:
        """What was read of the micrographs."""
        read = [sample for sample in self.samples if sample.micrograph_shape]
        kinds = Counter(sample.levels for sample in read)
        units = Counter(
            f"{s.nm_per_pixel:g} nm per px by {'tags' if 'nm_per_pixel' in s.from_tags else 'nm_per_pixel'}"
            if s.nm_per_pixel is not None
            else "pixel size unknown"
            for s in read
        )
        cut = Counter(
            f"{s.rows_cut} rows of a data bar, by {'tags' if 'image_rows' in s.from_tags else 'image_rows'}"
            for s in read
            if s.rows_cut
        )
        return Column(
            name,
            f"micrographs, {_often(kinds)}",
            f"{len(read)} of {len(self.samples)}",
            _counted((s.micrograph_shape for s in read), " px"),
            f"grey {_span([s.grey_range for s in read if s.grey_range])}",
            _often(units),
            _often(cut) or "nothing",
        )

    def as_json(self) -> dict[str, Any]:
        """All of it but the pictures, for other programs."""
        samples = [asdict(sample) for sample in self.samples]
        for sample in samples:
            del sample["pictures"]
        names = ("profile", "scattering_name", "micrograph_name", "is_profile", "q_unit", "common_nm_per_pixel")
        return {
            "folder": str(self.folder),
            "usable": self.is_usable,
            "problems": list(self.problems),
            "warnings": list(self.warnings),
            **{name: getattr(self, name) for name in names},
            "facts": self.facts,
            "columns": [asdict(column) for column in self.columns],
            "samples": samples,
        }


def inspected(
    folder: Path | str,
    profile: Profile,
    kinds: Mapping[str, str] | None = None,
    progress: Progress = lambda done, total: None,
) -> Inspection:
    """Everything that can be said of a data folder without training.

    Parameters
    ----------
    folder, kinds
        See `open_pairs`.
    profile : Profile
        For which it is meant: its crop must fit into the micrographs.
    progress : callable
        Called with the number of samples done, and of all.
    """
    folder = Path(folder)
    problems: list[str] = []
    dataset = readable_pairs(folder, kinds, profile.binarisation, problems)
    samples: list[Seen] = []
    if dataset is not None:
        for index in range(len(dataset)):
            progress(index, len(dataset))
            samples.append(seen_sample(dataset, index, problems))
        progress(len(dataset), len(dataset))
        problems += _too_small(samples, profile)
        problems += _too_few(len(samples), max(profile.solo.batch_size, profile.pair.batch_size))
    return Inspection(
        folder,
        profile.name,
        dataset.scattering_name if dataset else "",
        dataset.micrograph_name if dataset else "",
        dataset.is_profile if dataset else False,
        dataset.q_unit if dataset else "",
        dataset.common_nm_per_pixel if dataset else None,
        _roles(dataset) if dataset else {},
        tuple(samples),
        tuple(dict.fromkeys(problems)),
        tuple(cautions(samples, dataset.is_profile, dataset.q_unit)) if dataset else (),
    )


def verdict(found: Inspection) -> str:
    """One sentence: whether the folder can be trained on."""
    count = len(found.problems)
    if count:
        return f"not usable: {count} problem{'s' * (count != 1)}"
    count = len(found.warnings)
    return f"usable, {count} warning{'s' * (count != 1)}" if count else "usable"


def as_text(found: Inspection) -> str:
    """An inspection for a terminal."""
    lines = [f"{found.folder}: {verdict(found)}"]
    lines += [f"  {name}: {words}" for name, words in found.facts.items()]
    lines += [f"  {line}" for line in _table(found.columns)]
    lines += [f"  problem: {line}" for line in found.problems]
    lines += [f"  warning: {line}" for line in found.warnings]
    return "\n".join(lines)


def _table(columns: Sequence[Column]) -> list[str]:
    """A table for a terminal: a line for each column of the manifest."""
    rows = [[name.replace("_", " ") for name in HEADINGS]] + [list(asdict(column).values()) for column in columns]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]
    drawn = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return drawn if columns else []


def _roles(dataset: PairedDataset) -> Mapping[str, str]:
    """What every column was taken for; of a folder without a manifest, its two techniques."""
    techniques = {dataset.scattering_name: "scattering", dataset.micrograph_name: "micrographs"}
    return dataset.listing.columns or techniques


def _too_few(count: int, batch: int) -> list[str]:
    """Whether the usual share of the samples is too few to train on."""
    needed = next(n for n in range(batch + 1, 3 * batch + 3) if round(TRAINING_FRACTION * n) >= batch)
    if count >= needed:
        return []
    advice = f", or train with --n-train {batch}" if count > batch else ""
    needs = f"training needs at least {needed}, two thirds of which are a batch of {batch}"
    return [f"{count} usable samples; {needs}{advice}"]


def as_page(found: Inspection) -> str:
    """An inspection as a self-contained HTML page: no script, nothing loaded, light and dark.

    Of more than `MAX_SHOWN` samples, evenly spaced ones are shown.
    """
    places = np.unique(np.linspace(0, max(len(found.samples) - 1, 0), MAX_SHOWN).astype(int))
    return rendered(
        "inspection.html",
        name=found.folder.resolve().name,
        verdict=verdict(found),
        tone="bad" if found.problems else "care" if found.warnings else "good",
        found=found,
        headings=HEADINGS,
        shown=[found.samples[place] for place in places if place < len(found.samples)],
        words=_words,
        picture=_picture,
        size=THUMBNAIL,
        points=_points,
        version=__version__,
    )


def seen_sample(dataset: PairedDataset, index: int, problems: list[str]) -> Seen:
    """What one sample of a data set, perhaps with faults, holds; `problems` grows by a line for every fault."""
    sample = dataset.listing.samples[index]
    facts: dict[str, Any] = {}
    pictures: dict[str, NDArray] = {}
    digests = {}
    for name, path in (("scattering", sample.scattering), ("micrograph", sample.micrograph)):
        with suppress(ValueError, FileNotFoundError):  # listed with what is wrong with the file
            digests[name] = digest_of(path)
    try:
        scattering = dataset.scattering(index)
        if isinstance(scattering, tuple):
            q, intensity = scattering
            curve = dataset.files.profile(sample)
            facts |= {
                "scattering_shape": (len(q),), "q": (float(q[0]), float(q[-1])), "columns": curve.columns,
                "q_unit": curve.unit, "q_unit_from": curve.unit_from, "left_out": curve.left_out,
                "notes": curve.warnings, "scattering_range": (float(intensity.min()), float(intensity.max())),
            }  # fmt: skip
            places = np.unique(np.linspace(0, len(q) - 1, CURVE_POINTS).astype(int))
            pictures["profile"] = np.stack([q[places], intensity[places]])
        else:
            facts |= {"scattering_shape": scattering.shape} | _pattern_facts(dataset, sample)
            pictures["pattern"] = _small(scattering * 255)
    except DataError as error:
        problems += error.problems
    except ValueError:  # patterns beyond [0, 1] without limits: the limits' own problem is listed
        pass
    try:
        mask = dataset.mask(index)
        facts |= {"micrograph_shape": mask.shape, "area_fraction": float(mask.mean())} | _grey_facts(dataset, sample)
        pictures["mask"] = _small(np.where(mask, 255.0, 0.0))
        digests["mask"] = _turned_digest(mask)
    except DataError as error:
        problems += error.problems
    try:
        facts["nm_in_tags"] = file_nm_per_pixel(sample.micrograph) if sample.micrograph.is_file() else None
        facts["beam"] = None if dataset.is_profile else dataset.files.beam(sample)
    except ValueError:  # listed when the folder was opened
        pass
    return Seen(
        sample_id=sample.sample_id,
        morphology=sample.morphology,
        group=sample.group,
        scattering=sample.scattering.relative_to(dataset.folder).as_posix(),
        micrograph=sample.micrograph.relative_to(dataset.folder).as_posix(),
        nm_per_pixel=sample.nm_per_pixel,
        image_rows=sample.image_rows,
        from_tags=sample.from_tags,
        digests=digests,
        pictures=pictures,
        **facts,
    )


def _grey_facts(dataset: PairedDataset, sample: Sample) -> dict[str, Any]:
    """Levels of a micrograph, the rows that were cut, and whether it has a data bar that nobody named."""
    header, grey = image_header(sample.micrograph), dataset.files.micrograph(sample)
    is_binary = bool(((grey == 0) | (grey == 255)).all())
    kind = "bool" if header.dtype.kind == "b" else f"{header.dtype.itemsize * 8} bits"
    return {
        "levels": f"{kind}, {'two levels' if is_binary else 'grey'}",
        "grey_range": (int(grey.min()), int(grey.max())),
        "rows_cut": header.height - min(sample.image_rows or header.height, header.height),
        "bar_from": None if sample.image_rows else data_bar(grey),
    }


def _pattern_facts(dataset: PairedDataset, sample: Sample) -> dict[str, Any]:
    """Shares of masked and saturated pixels, and whether an unmasked pattern is dark about its beam."""
    is_counts = dataset.pattern_limits is not None
    levels, missing = dataset.files.measured(sample)
    seen = levels[~missing]
    facts: dict[str, Any] = {"masked": float(missing.mean()), "saturated": float((seen == seen.max()).mean())}
    facts["is_counts"] = is_counts
    facts["scattering_range"] = (float(seen.min()), float(seen.max()))
    if missing.any():
        beam = dataset.files.beam(sample)
        facts["is_grazing"] = sample.is_grazing or (beam is not None and is_one_sided(levels, missing, beam))
    if is_counts and not missing.any():
        height, width = levels.shape
        row, col = dataset.files.beam(sample) or ((height - 1) / 2, (width - 1) / 2)
        rows, cols = np.indices(levels.shape)
        far = np.hypot(rows - row, cols - col) / min(height, width)
        disc, ring = far <= BEAM_DISC, (far >= BEAM_RING[0]) & (far <= BEAM_RING[1])
        if disc.any() and ring.any():
            facts["is_dark_at_beam"] = bool(levels[disc].mean() < DARK * levels[ring].mean())
    return facts


def _small(image: NDArray) -> NDArray[np.uint8]:
    """A thumbnail by picking pixels: means of the area that each stands for."""
    height, width = image.shape
    step = max(1, ceil(max(height, width) / THUMBNAIL))
    rows, cols = height // step * step, width // step * step
    means = image[:rows, :cols].reshape(rows // step, step, cols // step, step).mean(axis=(1, 3))
    return np.rint(np.clip(means, 0, 255)).astype(np.uint8)


def _turned_digest(mask: NDArray[np.bool_]) -> str:
    """The same for a mask and all that come from it by turning and mirroring."""
    ways = [np.rot90(side, turns) for side in (mask, mask[:, ::-1]) for turns in range(4)]
    return min(sha256(repr(way.shape).encode() + np.packbits(way).tobytes()).hexdigest() for way in ways)


def _too_small(samples: Sequence[Seen], profile: Profile) -> list[str]:
    """Micrographs into which a crop does not fit."""
    size = profile.image_size
    return [
        f"{sample.micrograph}: micrograph of {sample.micrograph_shape[0]} x {sample.micrograph_shape[1]} px is smaller "
        f"than the crop of {size} px"
        for sample in samples
        if sample.micrograph_shape is not None and min(sample.micrograph_shape) < size
    ]


def _counted(shapes: Any, unit: str = "") -> str:
    """Shapes and how often each occurs, the most frequent first."""
    counts = Counter(" x ".join(map(str, shape)) for shape in shapes if shape is not None).most_common()
    shown = ", ".join(f"{shape}{unit} ({count})" for shape, count in counts[:4])
    return f"{shown}, and {len(counts) - 4} other sizes" if len(counts) > 4 else shown or "none readable"


def _often(words: Counter[str]) -> str:
    """Words, and how often each occurs where they differ."""
    if len(words) == 1:
        return next(iter(words))
    shown = ", ".join(f"{word} ({count})" for word, count in words.most_common(4))
    return f"{shown}, and {len(words) - 4} others" if len(words) > 4 else shown


def _span(ranges: Sequence[tuple[float, float]]) -> str:
    """The range that several ranges cover together."""
    return f"{min(low for low, _ in ranges):.4g} to {max(high for _, high in ranges):.4g}" if ranges else "unknown"


def _named(names: Any) -> str:
    """Names and how often each occurs."""
    counts = Counter(names)
    return ", ".join(f"{name or 'none'} ({count})" for name, count in sorted(counts.items())) if any(counts) else ""


def cautions(samples: Sequence[Seen], is_profile: bool, q_unit: str) -> list[str]:
    """What to beware of in a data folder that can be used, a line each: of all its samples, and the unit of q."""
    lines = _about_numbers(samples) + _about_groups(samples) + _about_copies(samples) + _about_micrographs(samples)
    if not is_profile:
        return lines + _about_patterns(samples)
    notes: dict[str, list[str]] = {}
    for sample in samples:
        for note in sample.notes:
            notes.setdefault(note, []).append(sample.sample_id)
    lines += [f"{note}: {_list(names)}" for note, names in notes.items()]
    return lines if q_unit else [*lines, "the unit of q is unknown: a model takes files of an unknown unit only"]


def explained_share(values: Sequence[float], groups: Sequence[str]) -> float:
    """Share of the variance of n values that their groups explain, less what as many random groups would explain.

    This is 1 - (within / (n - k)) / (total / (n - 1)) for k groups (epsilon squared), at least 0; 0 where it is not
    defined.
    """
    data, names = np.asarray(values, dtype=np.float64), np.asarray(groups)
    count, kinds = len(data), np.unique(names)
    total = float(((data - data.mean()) ** 2).sum()) if count else 0.0
    if total == 0 or not 1 < len(kinds) < count:
        return 0.0
    within = sum(float(((data[names == kind] - data[names == kind].mean()) ** 2).sum()) for kind in kinds)
    return max(0.0, 1 - (within / (count - len(kinds))) / (total / (count - 1)))


def _about_numbers(samples: Sequence[Seen]) -> list[str]:
    """Few samples, and labels of few."""
    lines = []
    smallest = PAPER_TRAINING_SIZES[0]
    if round(len(samples) * TRAINING_FRACTION) < smallest:
        lines.append(
            f"{len(samples)} samples: two thirds of them are fewer than the {smallest} of the paper's smallest "
            f"training set; {ceil(smallest / TRAINING_FRACTION)} or more are advisable"
        )
    labels = Counter(sample.morphology or UNLABELLED for sample in samples)
    rare = [f"{label} ({count})" for label, count in sorted(labels.items()) if count < LEAST_PER_LABEL]
    if rare and len(labels) > 1:
        lines.append(f"morphologies of fewer than {LEAST_PER_LABEL} samples cannot be assessed: {', '.join(rare)}")
    if UNLABELLED in labels and len(labels) > 1:
        lines.append(f"{labels[UNLABELLED]} of {len(samples)} samples have no morphology")
    return lines


def _about_groups(samples: Sequence[Seen]) -> list[str]:
    """Whether a random split would be flattering."""
    known = [sample for sample in samples if sample.area_fraction is not None]
    if not any(sample.group for sample in known):
        return [
            "no column group or batch: whether samples of one film or session resemble each other cannot be told, and "
            "a random split may flatter"
        ]
    share = explained_share([s.area_fraction for s in known if s.area_fraction is not None], [s.group for s in known])
    lines = []
    if share > MUCH_EXPLAINED:
        lines.append(
            f"leakage: the group alone explains {share:.0%} of the variance of the area fraction, so that a random "
            "split flatters every method; hold out whole groups (held_out) for the headline"
        )
    single = [name for name, count in sorted(Counter(sample.group for sample in known).items()) if count == 1]
    if single:
        lines.append(f"groups of one sample: {', '.join(single)}")
    return lines


def _about_copies(samples: Sequence[Seen]) -> list[str]:
    """Files that are equal under different names, and masks that are equal when turned or mirrored."""
    lines = []
    for name, what, key in (
        ("scattering", "the same scattering file under different names", "scattering"),
        ("micrograph", "the same micrograph under different names", "micrograph"),
        ("mask", "micrographs that are copies of one another, perhaps turned or mirrored", "micrograph"),
    ):
        sets: dict[str, dict[str, Seen]] = {}
        for sample in samples:
            if name in sample.digests:
                sets.setdefault(sample.digests[name], {}).setdefault(getattr(sample, key), sample)
        copies = [list(found.values()) for found in sets.values() if len(found) > 1]
        if name == "mask":  # those with equal files are listed already
            copies = [found for found in copies if len({sample.digests.get("micrograph") for sample in found}) > 1]
        if copies:
            named = "; ".join(", ".join(sample.sample_id for sample in found) for found in copies[:5])
            more = f"; and {len(copies) - 5} more" if len(copies) > 5 else ""
            lines.append(f"{what}: {named}{more}")
    return lines


def _about_micrographs(samples: Sequence[Seen]) -> list[str]:
    """Scales and area fractions."""
    lines = []
    if all(sample.nm_per_pixel is None for sample in samples):
        lines.append(
            "pixel sizes of the micrographs are unknown: lengths are in px, and all are taken to have one scale; a "
            "column nm_per_pixel says more"
        )
    other = [
        sample.sample_id
        for sample in samples
        if sample.nm_per_pixel and sample.nm_in_tags
        if abs(sample.nm_per_pixel - sample.nm_in_tags) > SAME_SCALE * sample.nm_in_tags
    ]
    if other:
        lines.append(f"nm_per_pixel of the manifest differs from the tags of the micrograph: {_list(other)}")
    bars = {sample.bar_from: sample.sample_id for sample in samples if sample.bar_from}
    if bars:
        rows = ", ".join(map(str, sorted(bars)[:4]))
        lines.append(
            f"micrographs end in what looks like an instrument's data bar, from row {rows} on: "
            f"{_list([sample.sample_id for sample in samples if sample.bar_from])}; it is learnt as if it were image: "
            "write the rows above it into a column image_rows"
        )
    extreme = [
        sample.sample_id
        for sample in samples
        if sample.area_fraction is not None and not EXTREME_FRACTION <= sample.area_fraction <= 1 - EXTREME_FRACTION
    ]
    if extreme:
        lines.append(f"nearly all or nothing of the mask is bright, look at its threshold: {_list(extreme)}")
    return lines


def _about_patterns(samples: Sequence[Seen]) -> list[str]:
    """Saturation, beam stops, and beams that nobody gave."""
    lines = []
    for is_counts, share in SATURATED_SHARE.items():
        cut = [seen.sample_id for seen in samples if seen.is_counts == is_counts and _above(seen.saturated, share)]
        if cut:
            lines.append(f"more than {share:.1%} of the pixels have the largest value (saturated): {_list(cut)}")
    dark = [sample.sample_id for sample in samples if sample.is_dark_at_beam]
    if dark:
        lines.append(f"dark about the beam, and nothing is masked (a beam stop? add a mask file): {_list(dark)}")
    filled = [sample for sample in samples if sample.masked]
    inverted = [sample.sample_id for sample in filled if _above(sample.masked, 0.5)]
    if inverted:
        lines.append(
            "more than half of the pixels are masked, is the mask inverted? (it is not zero at pixels to leave out): "
            f"{_list(inverted)}"
        )
    grazing = [sample.sample_id for sample in filled if sample.is_grazing]
    if grazing:
        lines.append(
            "grazing incidence: masked pixels are filled by left-right symmetry about the beam, else between the "
            f"measured pixels above and below them, since nothing arrives below the horizon: {_list(grazing)}"
        )
    if any(sample.beam is None for sample in filled):
        lines.append(
            "the beam is taken to be in the middle of the patterns; a .poni file or beam_row and beam_col say more"
        )
    beams = np.array([sample.beam for sample in samples if sample.beam is not None])
    shapes = [sample.scattering_shape for sample in samples if sample.scattering_shape]
    if len(beams) > 1 and shapes and (np.ptp(beams, axis=0) > BEAM_DISC * min(min(shape) for shape in shapes)).any():
        lines.append("the beam is not at the same place in all patterns, which a model sees as a difference of samples")
    return lines


def _list(names: Sequence[str]) -> str:
    """Names of samples, cut where there are many."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _above(value: float | None, limit: float) -> bool:
    """Whether a number is known and above a limit."""
    return value is not None and value > limit


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
