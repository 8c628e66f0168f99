"""Ensembles as files that other programs read: PNG images, CSV curves, a JSON summary; a folder for each measurement.

Names of files come from elsewhere: what they become cannot leave the folder that was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairvae_lib.bundles.apply import Ensemble, disagreement
from pairvae_lib.bundles.bundle import Bundle, Scaling
from pairvae_lib.data.scattering import azimuthal_average, colour_mapped
from pairvae_lib.files.arrays import write_arrays, write_json
from pairvae_lib.files.writing import replacing_folder
from pairvae_lib.morphology.masks import (
    component_counts,
    domain_period,
    lineal_path,
    phase_fraction,
    two_point_correlation,
)

SUMMARY, OVERVIEW, MEMBERS = "summary.json", "overview.png", "ensemble"
LONGEST_NAME = 80  # characters; systems allow 255 bytes
SHOWN_IN_OVERVIEW = 16
GAP = 4  # px between the images of the overview
FORMAT = "pairvae ensemble"


def folder_name(name: str) -> str:
    """A name that is one part of a path on every system, and still tells what any text stands for.

    Letters, digits, `_`, `-` and dots inside are kept; all else becomes %XX, and long names are cut.
    """
    safe = quote(name, safe="").replace("~", "%7E")
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    return safe[:LONGEST_NAME] or "%00"


def folder_names(files: Sequence[Path]) -> list[str]:
    """A folder's name for each file: its own without suffix, and a number behind it where another has the same."""
    names: list[str] = []
    for path in files:
        first = name = folder_name(path.stem)
        number = 2
        while name.lower() in {other.lower() for other in names}:  # some systems do not tell A from a
            name, number = f"{first}~{number}", number + 1
        names.append(name)
    return names


def write_ensemble(
    out: Path, name: str, bundle: Bundle, ensemble: Ensemble, facts: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Write an ensemble into a folder of its own: complete, or not at all.

    Parameters
    ----------
    out : Path
        The folder that holds it; made when needed.
    name : str
        What the ensemble's folder is called: one of `folder_names`. One that this function wrote before is replaced;
        FileExistsError if something else stands there.
    facts : dict, optional
        Plain values to keep in the summary: seed, variance, ...

    Returns
    -------
    dict
        What summary.json holds.
    """
    folder = out / name
    if folder.parent != out or name.startswith("."):
        raise ValueError(f"name must be one part of a path, and not hidden; got {name!r}")
    if folder.exists() and not _is_ours(folder):
        raise FileExistsError(f"{folder} is there already and holds something else; name another folder to write to")
    with replacing_folder(folder) as fresh:
        summary = _write_into(fresh, bundle, ensemble, facts or {})
        write_json(fresh / SUMMARY, summary)
    return summary


def _is_ours(folder: Path) -> bool:
    """Whether this module wrote the folder."""
    try:
        return json.loads((folder / SUMMARY).read_text(encoding="utf-8")).get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False


def _write_into(folder: Path, bundle: Bundle, ensemble: Ensemble, facts: dict[str, Any]) -> dict[str, Any]:
    """All files but the summary; the summary."""
    measurement, kind = ensemble.measurement, bundle.modality(ensemble.target).kind
    scaling = bundle.scaling(ensemble.target)
    if kind == "mask":
        found = _write_masks(folder, ensemble, scaling.nm_per_pixel)
    elif kind == "image":
        found = _write_greys(folder, ensemble, scaling.nm_per_pixel)
    elif kind == "pattern":
        found = _write_patterns(folder, ensemble)
    else:
        found = _write_profiles(folder, ensemble, scaling)
    return {
        "format": FORMAT,
        "input": {"file": measurement.name, "sha256": measurement.sha256, "modality": measurement.source},
        "model": {"name": str(bundle.provenance.get("name", "")), "kind": bundle.kind, "profile": bundle.profile},
        "target": ensemble.target,
        "samples": len(ensemble.drawn),
        **facts,
        "self_error": None if ensemble.self_error is None else _plain(ensemble.self_error),
        "warnings": list(ensemble.warnings),
        **found,
        "files": sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()),
    }


def _write_masks(folder: Path, ensemble: Ensemble, nm_per_pixel: float | None) -> dict[str, Any]:
    """Masks as images of one bit, their curves and numbers."""
    masks = ensemble.drawn
    _write_images(folder, ensemble, Image.fromarray)
    lengths = np.arange(min(masks.shape[-2:]) // 4 + 1)
    r, s2 = two_point_correlation(masks)
    _write_curves(folder / "S2.csv", "r", r, s2, nm_per_pixel)
    for axis in ("vertical", "horizontal"):
        z, path = lineal_path(masks, axis, lengths)
        _write_curves(folder / f"L_{axis}.csv", "z", z, path, nm_per_pixel)
    periods = domain_period(r, s2)
    numbers = {
        "phase_fraction": phase_fraction(masks),
        "period_px": periods,
        "components": component_counts(masks).astype(float),
    }
    if nm_per_pixel is not None:
        numbers["period_nm"] = periods * nm_per_pixel
    of_mean = domain_period(r, s2.mean(axis=0)[np.newaxis])[0]  # single curves of small images often have no maximum
    return {
        "nm_per_pixel": nm_per_pixel,
        "disagreement": _plain(disagreement(masks)),
        "statistics": {name: _described(values) for name, values in numbers.items()},
        "period_of_mean_S2_px": _plain(of_mean),
        "period_of_mean_S2_nm": _plain(of_mean * nm_per_pixel) if nm_per_pixel is not None else None,
    }


def _grey(image: NDArray) -> Image.Image:
    """A grey picture of intensities in [0, 1]."""
    return Image.fromarray(np.rint(255 * image.clip(0, 1)).astype(np.uint8))


def _coloured(pattern: NDArray) -> Image.Image:
    """A coloured picture of intensities in [0, 1]."""
    return Image.fromarray(colour_mapped(pattern.clip(0, 1)))


def _write_greys(folder: Path, ensemble: Ensemble, nm_per_pixel: float | None) -> dict[str, Any]:
    """Grey micrographs as images and as numbers."""
    mean = ensemble.drawn.mean(axis=0)
    _write_images(folder, ensemble, _grey)
    _write_png(folder / "mean.png", _grey(mean))
    write_arrays(folder / "images.npz", {"mean": mean, "sd": ensemble.drawn.std(axis=0), "members": ensemble.drawn})
    return {"intensity": "grey levels, 0 to 1", "nm_per_pixel": nm_per_pixel, "statistics": {}}


def _write_patterns(folder: Path, ensemble: Ensemble) -> dict[str, Any]:
    """Patterns as coloured images and as numbers, their azimuthal averages as curves."""
    patterns = ensemble.drawn.clip(0, 1)
    _write_images(folder, ensemble, _coloured)
    mean = patterns.mean(axis=0)
    _write_png(folder / "mean.png", _coloured(mean))
    write_arrays(folder / "patterns.npz", {"mean": mean, "sd": patterns.std(axis=0), "members": patterns})
    averages = [azimuthal_average(pattern) for pattern in patterns]
    _write_curves(folder / "profile.csv", "q", averages[0][0], np.stack([curve for _, curve in averages]), None)
    return {"intensity": "of the range of the training data, 0 to 1", "statistics": {}}


def _write_profiles(folder: Path, ensemble: Ensemble, scaling: Scaling) -> dict[str, Any]:
    """Profiles as curves: of logarithms, freed of their scale as the training data's were; or of values as they are."""
    low, high = scaling.limits or (0.0, 1.0)
    curves, name = low + (high - low) * ensemble.drawn, scaling.axis.name
    grid = np.array(scaling.grid)
    write_arrays(folder / "profiles.npz", {name: grid, "members": curves})
    _write_curves(folder / "profile.csv", name, grid, curves, None, scaling.axis.unit or "unknown unit")
    intensity = f"log10, mean 0 over the {name} grid" if scaling.is_log else "as in the files of the training"
    return {"intensity": intensity, "statistics": {}}


def _write_images(folder: Path, ensemble: Ensemble, drawn: Callable[[NDArray], Image.Image]) -> None:
    """The members, and up to SHOWN_IN_OVERVIEW of them side by side with the single reconstruction before them."""
    (folder / MEMBERS).mkdir()
    images = [drawn(one) for one in ensemble.drawn]
    digits = len(str(len(images)))
    for number, image in enumerate(images, start=1):
        _write_png(folder / MEMBERS / f"{number:0{digits}d}.png", image)
    shown = images[:SHOWN_IN_OVERVIEW]
    if ensemble.best is not None:
        picture = drawn(ensemble.best)
        _write_png(folder / "reconstruction.png", picture)
        shown = [picture, *shown[: SHOWN_IN_OVERVIEW - 1]]
    columns = min(4, len(shown))
    width, height = shown[0].width + GAP, shown[0].height + GAP
    size = columns * width - GAP, -(-len(shown) // columns) * height - GAP
    sheet = Image.new("RGB", size, (128, 128, 128))
    for place, image in enumerate(shown):
        sheet.paste(image.convert("RGB"), (place % columns * width, place // columns * height))
    _write_png(folder / OVERVIEW, sheet)


def _write_png(path: Path, image: Image.Image) -> None:
    """Write an image by way of memory: Pillow does not say why a file could not be written."""
    content = BytesIO()
    image.save(content, "PNG")
    path.write_bytes(content.getvalue())


def _write_curves(
    path: Path, axis: str, x: NDArray, curves: NDArray, nm_per_pixel: float | None, unit: str = "px"
) -> None:
    """Curves of all members as columns: length, mean, standard deviation, members."""
    head, columns = [f"{axis} [{unit}]"], [x]
    if nm_per_pixel is not None:
        head, columns = [*head, f"{axis} [nm]"], [*columns, x * nm_per_pixel]
    head += ["mean", "sd", *(f"sample {number}" for number in range(1, len(curves) + 1))]
    table = np.column_stack([*columns, curves.mean(axis=0), curves.std(axis=0), *curves])
    np.savetxt(path, table, "%.6g", ",", header=",".join(head), comments="", encoding="utf-8")


def _described(values: NDArray) -> dict[str, Any]:
    """Mean and deviation over the members that have the number, and how many do."""
    known = values[np.isfinite(values)]
    if not len(known):
        return {"mean": None, "sd": None, "members": 0}
    return {"mean": _plain(known.mean()), "sd": _plain(known.std()), "members": len(known)}


def _plain(value: float) -> float | None:
    """Six significant digits; None where it is not defined."""
    return float(f"{value:.6g}") if np.isfinite(value) else None
