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
from pairvae_lib.data.modality import NAMELESS, WHOLE, Axis, Kind
from pairvae_lib.data.reading.gate import digest_of
from pairvae_lib.data.reading.images import SAME_SCALE, data_bar, file_nm_per_pixel, image_header
from pairvae_lib.data.reading.patterns import is_one_sided
from pairvae_lib.data.reading.samples import UNLABELLED, MeasuredFile, Technique
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
class SeenFile:
    """What one file holds; None where it cannot be read, and what does not concern its kind."""

    file: str  # relative to the folder
    kind: Kind
    shape: tuple[int, ...] | None = None  # points of a profile; [px] of others, as they are handed out
    values: tuple[float, float] | None = None  # range of the intensities in the file; of micrographs in 8 bits
    span: tuple[float, float] | None = None  # (first, last) of the axis of a profile
    columns: str = ""  # of a profile, which were taken
    unit: str = ""  # of the axis of a profile
    unit_from: str = ""  # where the unit comes from
    left_out: Mapping[str, int] = field(default_factory=dict)  # points of a profile by the reason why
    notes: tuple[str, ...] = ()  # what to beware of in a profile
    masked: float | None = None  # share of the pixels of a pattern
    saturated: float | None = None  # share of the pixels of a pattern
    is_counts: bool | None = None  # whether a pattern holds raw counts, else scaled intensities
    is_dark_at_beam: bool | None = None  # whether an unmasked pattern is dark about its beam
    is_grazing: bool = False  # whether a pattern with masked pixels is filled as one of grazing incidence
    beam: tuple[float, float] | None = None  # (row, col) in a pattern where known [px]
    area_fraction: float | None = None  # share of bright pixels of a mask
    levels: str = ""  # type of the pixels of a micrograph
    rows_cut: int = 0  # rows of a micrograph below those that count
    image_rows: int | None = None  # rows of a micrograph above the data bar, where known
    bar_from: int | None = None  # row from which on it looks like a data bar that nobody named
    from_tags: tuple[str, ...] = ()  # which of nm_per_pixel and image_rows the tags gave
    nm_per_pixel: float | None = None  # by the manifest or the tags
    nm_in_tags: float | None = None  # by the tags alone
    digest: str = ""  # of the file
    turned_digest: str = ""  # of a micrograph however it is turned
    picture: NDArray | None = None  # (2, points) of a profile, uint8 of others


@dataclass(frozen=True, eq=False)
class Seen:
    """What one sample holds: the files of both techniques."""

    sample_id: str
    morphology: str
    group: str
    files: tuple[SeenFile, SeenFile]

    @property
    def area_fraction(self) -> float | None:
        """Share of bright pixels of its mask."""
        return next((file.area_fraction for file in self.files if file.area_fraction is not None), None)


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
    techniques: tuple[Technique, ...]  # none where nothing can be read
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
        for place, technique in enumerate(self.techniques):
            spans = [file.span for file in self._read(place) if file.span]
            if spans and technique.axis:
                first, last = max(span[0] for span in spans), min(span[1] for span in spans)
                unit = technique.axis.unit or "(unit unknown)"
                facts[f"{technique.axis.name} that all {technique.name} cover"] = f"{first:.4g} to {last:.4g} {unit}"
            if technique.nm_per_pixel:
                facts[f"{technique.name} brought to"] = f"{technique.nm_per_pixel:g} nm per pixel"
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
        places = {technique.name: place for place, technique in enumerate(self.techniques)}
        return tuple(
            self._measured_column(places[name]) if name in places and self.samples else Column(name, role)
            for name, role in self.roles.items()
        )

    def _read(self, place: int) -> list[SeenFile]:
        """The files of a technique that could be read."""
        return [sample.files[place] for sample in self.samples if sample.files[place].shape]

    def _measured_column(self, place: int) -> Column:
        """What was read of a technique."""
        technique, read = self.techniques[place], self._read(place)
        describe = {"profile": self._profiles, "pattern": self._patterns}.get(technique.kind, self._micrographs)
        kind, values, unit, left_out = describe(technique, read)
        size = _counted((file.shape for file in read), " points" if technique.kind == "profile" else " px")
        return Column(technique.name, kind, f"{len(read)} of {len(self.samples)}", size, values, unit, left_out)

    def _profiles(self, technique: Technique, read: Sequence[SeenFile]) -> tuple[str, str, str, str]:
        """Kind, values, unit, and what was left out."""
        axis = technique.axis or Axis()
        units = Counter(f"{file.unit or 'unknown'}{f' by {file.unit_from}' if file.unit_from else ''}" for file in read)
        points: Counter[str] = Counter()
        for file in read:
            points.update(file.left_out)
        left_out = [
            f"{count} points {why} ({sum(why in file.left_out for file in read)} files)"
            for why, count in points.items()
        ]
        taken = _often(Counter(file.columns for file in read if file.columns))
        scales = ("log" if is_log else "linear" for is_log in (axis.is_log, technique.is_log))
        scaled = "" if axis.name == "q" else ", {} axis and {} values".format(*scales)
        spans = _span([file.span for file in read if file.span])
        values = f"{axis.name} {spans}, intensity {_span([file.values for file in read if file.values])}"
        kind, unit = f"1-D profiles{scaled}; {taken}", f"{axis.name} in {_often(units)}"
        return kind, values, unit, "; ".join(left_out) or "nothing"

    def _patterns(self, technique: Technique, read: Sequence[SeenFile]) -> tuple[str, str, str, str]:
        """The same."""
        counts = any(file.is_counts for file in read)
        masked = [file.masked for file in read if file.masked]
        way = "left-right or between neighbours" if any(file.is_grazing for file in read) else "by symmetry"
        left_out = f"{np.mean(masked):.1%} of the pixels masked ({len(masked)} files), filled {way}" if masked else ""
        values = f"intensity {_span([file.values for file in read if file.values])}"
        kind = f"patterns, {'raw counts on a log scale' if counts else 'scaled intensities'}"
        return kind, values, "", left_out or "nothing"

    def _micrographs(self, technique: Technique, read: Sequence[SeenFile]) -> tuple[str, str, str, str]:
        """The same."""
        units = Counter(
            f"{file.nm_per_pixel:g} nm per px by {'tags' if 'nm_per_pixel' in file.from_tags else 'nm_per_pixel'}"
            if file.nm_per_pixel is not None
            else "pixel size unknown"
            for file in read
        )
        cut = Counter(
            f"{file.rows_cut} rows of a data bar, by {'tags' if 'image_rows' in file.from_tags else 'image_rows'}"
            for file in read
            if file.rows_cut
        )
        kind = f"{technique.kind}s, from {_often(Counter(file.levels for file in read))}"
        values = f"grey {_span([file.values for file in read if file.values])}"
        return kind, values, _often(units), _often(cut) or "nothing"

    def as_json(self) -> dict[str, Any]:
        """All of it but the pictures, for other programs."""
        samples = [asdict(sample) for sample in self.samples]
        for sample in samples:
            for file in sample["files"]:
                del file["picture"]
        return {
            "folder": str(self.folder),
            "usable": self.is_usable,
            "problems": list(self.problems),
            "warnings": list(self.warnings),
            "profile": self.profile,
            "techniques": [asdict(technique) for technique in self.techniques],
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
        dataset.techniques if dataset else (),
        _roles(dataset) if dataset else {},
        tuple(samples),
        tuple(dict.fromkeys(problems)),
        tuple(cautions(samples, dataset.techniques)) if dataset else (),
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
    return dataset.listing.columns or {one.name: f"{one.kind}s" for one in dataset.techniques}


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
    first, second = (_seen_file(dataset, index, place, problems) for place in (0, 1))
    return Seen(sample.sample_id, sample.morphology, sample.group, (first, second))


def _seen_file(dataset: PairedDataset, index: int, place: int, problems: list[str]) -> SeenFile:
    """What one file of a sample holds."""
    file = dataset.listing.samples[index].files[place]
    facts: dict[str, Any] = {}
    with suppress(ValueError, FileNotFoundError):  # listed with what is wrong with the file
        facts["digest"] = digest_of(file.path)
    try:
        measured = dataset.measured(index, place)
        if isinstance(measured, tuple):
            facts |= _profile_facts(dataset, file, *measured)
        elif file.kind == "pattern":
            facts |= {"shape": measured.shape, "picture": _small(measured * 255)} | _pattern_facts(dataset, place, file)
        else:
            is_mask = file.kind == "mask"
            facts |= {"shape": measured.shape} | _grey_facts(dataset, file)
            facts |= {"area_fraction": float(measured.mean())} if is_mask else {}
            facts["picture"] = _small(np.where(measured, 255.0, 0.0) if is_mask else measured)
            facts["turned_digest"] = _turned_digest(measured)
    except DataError as error:
        problems += error.problems
    except ValueError:  # patterns beyond [0, 1] without limits: the limits' own problem is listed
        pass
    with suppress(ValueError):  # listed when the folder was opened
        if file.kind not in WHOLE:
            facts["nm_in_tags"] = file_nm_per_pixel(file.path) if file.path.is_file() else None
        facts["beam"] = dataset.files.beam(file) if file.kind == "pattern" else None
    return SeenFile(
        file=file.path.relative_to(dataset.folder).as_posix(),
        kind=file.kind,
        nm_per_pixel=file.nm_per_pixel,
        image_rows=file.image_rows,
        from_tags=file.from_tags,
        **facts,
    )


def _profile_facts(
    dataset: PairedDataset, file: MeasuredFile, x: NDArray[np.float64], y: NDArray[np.float64]
) -> dict[str, Any]:
    """Ranges, columns, unit and picture of a profile, and what was left out."""
    curve = dataset.files.profile(file)
    places = np.unique(np.linspace(0, len(x) - 1, CURVE_POINTS).astype(int))
    return {
        "shape": (len(x),), "span": (float(x[0]), float(x[-1])), "values": (float(y.min()), float(y.max())),
        "columns": curve.columns, "unit": curve.unit, "unit_from": curve.unit_from, "left_out": curve.left_out,
        "notes": curve.warnings, "picture": np.stack([x[places], y[places]]),
    }  # fmt: skip


def _grey_facts(dataset: PairedDataset, file: MeasuredFile) -> dict[str, Any]:
    """Levels of a micrograph, the rows that were cut, and whether it has a data bar that nobody named."""
    header, grey = image_header(file.path), dataset.files.micrograph(file)
    is_binary = bool(((grey == 0) | (grey == 255)).all())
    kind = "bool" if header.dtype.kind == "b" else f"{header.dtype.itemsize * 8} bits"
    return {
        "levels": f"{kind}, {'two levels' if is_binary else 'grey'}",
        "values": (int(grey.min()), int(grey.max())),
        "rows_cut": header.height - min(file.image_rows or header.height, header.height),
        "bar_from": None if file.image_rows else data_bar(grey),
    }


def _pattern_facts(dataset: PairedDataset, place: int, file: MeasuredFile) -> dict[str, Any]:
    """Shares of masked and saturated pixels, and whether an unmasked pattern is dark about its beam."""
    is_counts = dataset.techniques[place].limits is not None
    levels, missing = dataset.files.measured(file)
    seen = levels[~missing]
    facts: dict[str, Any] = {"masked": float(missing.mean()), "saturated": float((seen == seen.max()).mean())}
    facts["is_counts"] = is_counts
    facts["values"] = (float(seen.min()), float(seen.max()))
    beam = dataset.files.beam(file)
    if missing.any():
        facts["is_grazing"] = file.is_grazing or (beam is not None and is_one_sided(levels, missing, beam))
    if is_counts and not missing.any():
        height, width = levels.shape
        row, col = beam or ((height - 1) / 2, (width - 1) / 2)
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


def _turned_digest(image: NDArray) -> str:
    """SHA-256 of a micrograph, the same for all that come from it by turning and mirroring."""
    ways = [np.ascontiguousarray(np.rot90(side, k)) for side in (image, image[:, ::-1]) for k in range(4)]
    return min(sha256(repr(way.shape).encode() + way.tobytes()).hexdigest() for way in ways)


def _too_small(samples: Sequence[Seen], profile: Profile) -> list[str]:
    """Micrographs into which a crop does not fit."""
    size = profile.image_size
    return [
        f"{file.file}: micrograph of {file.shape[0]} x {file.shape[1]} px is smaller than the crop of {size} px"
        for sample in samples
        for file in sample.files
        if file.kind not in WHOLE and file.shape is not None and min(file.shape) < size
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


def cautions(samples: Sequence[Seen], techniques: Sequence[Technique]) -> list[str]:
    """What to beware of in a data folder that can be used, a line each: of its samples, and of each technique."""
    lines = _about_numbers(samples) + _about_groups(samples)
    for place, technique in enumerate(techniques):
        files = {sample.sample_id: sample.files[place] for sample in samples}
        lines += _about_copies(technique, files)
        about = {"profile": _about_profiles, "pattern": _about_patterns}.get(technique.kind, _about_micrographs)
        lines += about(technique, files)
    return lines


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
    if not any(sample.group for sample in samples):
        return [
            "no column group or batch: whether samples of one film or session resemble each other cannot be told, and "
            "a random split may flatter"
        ]
    known = [sample for sample in samples if sample.area_fraction is not None]
    share = explained_share([s.area_fraction for s in known if s.area_fraction is not None], [s.group for s in known])
    lines = []
    if share > MUCH_EXPLAINED:
        lines.append(
            f"leakage: the group alone explains {share:.0%} of the variance of the area fraction, so that a random "
            "split flatters every method; hold out whole groups (held_out) for the headline"
        )
    single = [name for name, count in sorted(Counter(sample.group for sample in samples).items()) if count == 1]
    if single:
        lines.append(f"groups of one sample: {', '.join(single)}")
    return lines


def _about_copies(technique: Technique, files: Mapping[str, SeenFile]) -> list[str]:
    """Files that are equal under different names, and micrographs that are equal when turned or mirrored."""
    lines = []
    for key, what in (
        ("digest", f"the same {technique.name} file under different names"),
        ("turned_digest", f"{technique.name} that are copies of one another, perhaps turned or mirrored"),
    ):
        sets: dict[str, dict[str, str]] = {}
        for name, file in files.items():
            if getattr(file, key):
                sets.setdefault(getattr(file, key), {}).setdefault(file.file, name)
        copies = [list(found.values()) for found in sets.values() if len(found) > 1]
        if key == "turned_digest":  # those with equal files are listed already
            copies = [found for found in copies if len({files[name].digest for name in found}) > 1]
        if copies:
            named = "; ".join(", ".join(found) for found in copies[:5])
            more = f"; and {len(copies) - 5} more" if len(copies) > 5 else ""
            lines.append(f"{what}: {named}{more}")
    return lines


def _about_profiles(technique: Technique, files: Mapping[str, SeenFile]) -> list[str]:
    """Notes about single files, and a unit that nobody knows."""
    axis = technique.axis or Axis()
    notes: dict[str, list[str]] = {}
    for name, file in files.items():
        for note in file.notes:
            notes.setdefault(note, []).append(name)
    lines = [f"{note}: {_list(names)}" for note, names in notes.items()]
    if axis.name == NAMELESS:
        lines.append(
            f"no {technique.name} file says what its first column is: name it in a line above the numbers, or in a "
            f"column {technique.name}_axis, e.g. wavelength [nm]"
        )
    elif not axis.unit:
        lines.append(f"the unit of {axis.name} is unknown: a model takes files of an unknown unit only")
    return lines


def _about_micrographs(technique: Technique, files: Mapping[str, SeenFile]) -> list[str]:
    """Scales and area fractions."""
    lines = []
    if all(file.nm_per_pixel is None for file in files.values()):
        lines.append(
            f"pixel sizes of {technique.name} are unknown: lengths are in px, and all are taken to have one scale; a "
            "column nm_per_pixel says more"
        )
    other = [
        name
        for name, file in files.items()
        if file.nm_per_pixel and file.nm_in_tags
        if abs(file.nm_per_pixel - file.nm_in_tags) > SAME_SCALE * file.nm_in_tags
    ]
    if other:
        lines.append(f"nm_per_pixel of the manifest differs from the tags of {technique.name}: {_list(other)}")
    bars = {name: file.bar_from for name, file in files.items() if file.bar_from}
    if bars:
        rows = ", ".join(map(str, sorted(set(bars.values()))[:4]))
        lines.append(
            f"{technique.name} end in what looks like an instrument's data bar, from row {rows} on: "
            f"{_list(list(bars))}; it is learnt as if it were image: write the rows above it into a column image_rows"
        )
    extreme = [
        name
        for name, file in files.items()
        if file.area_fraction is not None and not EXTREME_FRACTION <= file.area_fraction <= 1 - EXTREME_FRACTION
    ]
    if extreme:
        lines.append(f"nearly all or nothing of the mask is bright, look at its threshold: {_list(extreme)}")
    return lines


def _about_patterns(technique: Technique, files: Mapping[str, SeenFile]) -> list[str]:
    """Saturation, beam stops, and beams that nobody gave."""
    lines = []
    for is_counts, share in SATURATED_SHARE.items():
        cut = [name for name, file in files.items() if file.is_counts == is_counts and _above(file.saturated, share)]
        if cut:
            lines.append(f"more than {share:.1%} of the pixels have the largest value (saturated): {_list(cut)}")
    dark = [name for name, file in files.items() if file.is_dark_at_beam]
    if dark:
        lines.append(f"dark about the beam, and nothing is masked (a beam stop? add a mask file): {_list(dark)}")
    filled = {name: file for name, file in files.items() if file.masked}
    inverted = [name for name, file in filled.items() if _above(file.masked, 0.5)]
    if inverted:
        lines.append(
            "more than half of the pixels are masked, is the mask inverted? (it is not zero at pixels to leave out): "
            f"{_list(inverted)}"
        )
    grazing = [name for name, file in filled.items() if file.is_grazing]
    if grazing:
        lines.append(
            "grazing incidence: masked pixels are filled by left-right symmetry about the beam, else between the "
            f"measured pixels above and below them, since nothing arrives below the horizon: {_list(grazing)}"
        )
    if any(file.beam is None for file in filled.values()):
        lines.append(
            "the beam is taken to be in the middle of the patterns; a .poni file or beam_row and beam_col say more"
        )
    beams = np.array([file.beam for file in files.values() if file.beam is not None])
    shapes = [file.shape for file in files.values() if file.shape]
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
    return words + [f"masked {file.masked:.1%}" for file in sample.files if file.masked]


def _picture(levels: NDArray[np.uint8]) -> str:
    """The address of a small picture."""
    file = BytesIO()
    Image.fromarray(levels).save(file, "PNG", optimize=True)
    return address(file.getvalue())


def _points(profile: NDArray[np.float64], technique: Technique) -> str:
    """A small line drawing of a profile, on the scales of its technique."""
    scales = technique.axis is None or technique.axis.is_log, technique.is_log
    drawn = np.stack([np.log10(x) if is_log else x for x, is_log in zip(profile, scales, strict=True)])
    spans = np.ptp(drawn, axis=1, keepdims=True)
    across, up = (drawn - drawn.min(axis=1, keepdims=True)) / np.where(spans, spans, 1) * (THUMBNAIL - 6) + 3
    return " ".join(f"{x:.1f},{THUMBNAIL - y:.1f}" for x, y in zip(across, up, strict=True))
