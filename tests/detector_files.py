"""Files as detectors, beamlines and microscopes write them, made with their own libraries."""

from __future__ import annotations

import fabio
import h5py
import hdf5plugin
import numpy as np
from fabio.cbfimage import CbfImage
from fabio.edfimage import EdfImage
from PIL import Image
from pyFAI.integrator.azimuthal import AzimuthalIntegrator
from scipy.ndimage import gaussian_filter

SHAPE = (60, 80)
BEAM = (28.0, 41.0)  # row, col
PIXEL, DISTANCE, WAVELENGTH = 172e-6, 2.0, 1e-10  # m


def distances(shape=SHAPE, beam=BEAM):
    """Distance of every pixel from the beam [px]."""
    rows, cols = np.indices(shape)
    return np.hypot(rows - beam[0], cols - beam[1])


def counts(seed=0, shape=SHAPE, beam=BEAM, ring=15.0):
    """Counts of a pattern with a ring about the beam, equal at opposite pixels."""
    r = distances(shape, beam)
    level = 3000 / (1 + (r / 4) ** 2) + 800 * np.exp(-(((r - ring) / 2) ** 2)) + 20
    return np.rint(level * (1 + 0.1 * seed)).astype(np.int32)


def gaps(shape=SHAPE, beam=BEAM):
    """Beam stop with its holder, and a gap between modules."""
    missing = distances(shape, beam) < 3
    missing[int(beam[0]) :, int(beam[1])] = True
    missing[:, 10:13] = True
    return missing


def write_edf(path, levels, **header):
    EdfImage(data=levels, header=header).write(str(path))
    return path


def write_cbf(path, levels):
    CbfImage(data=levels, header={}).write(str(path))
    return path


def write_nexus(path, levels, name="data"):
    """One image as NXdata, compressed as detectors do."""
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        group = entry.create_group("measurement")
        group.attrs.update({"NX_class": "NXdata", "signal": name})
        group.create_dataset(name, data=levels, chunks=levels.shape, **hdf5plugin.Bitshuffle())
        group.create_dataset("distance", data=1.0)
    return path


def write_eiger(path, levels, bad=None, target=None):
    """A master file as Dectris writes it: the frame in a second file, linked; the mask of bad pixels within."""
    data = path.with_name(path.name.replace("master", "data_000001"))
    with h5py.File(data, "w") as file:
        file.create_dataset("entry/data/data", data=levels[None], chunks=(1, *levels.shape), **hdf5plugin.Bitshuffle())
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/data")
        group.attrs["NX_class"] = "NXdata"
        group["data_000001"] = h5py.ExternalLink(str(target or data.name), "entry/data/data")
        if bad is not None:
            file["entry/instrument/detector/detectorSpecific/pixel_mask"] = bad.astype(np.uint32)
    return path


def write_nxcansas(path, q, intensity, unit="1/nm", entries=1):
    """A curve as NXcanSAS."""
    with h5py.File(path, "w") as file:
        for number in range(entries):
            entry = file.create_group(f"sasentry{number + 1:02d}")
            entry.attrs.update({"NX_class": "NXentry", "canSAS_class": "SASentry", "version": "1.1"})
            group = entry.create_group("sasdata01")
            group.attrs.update({"canSAS_class": "SASdata", "NX_class": "NXdata", "signal": "I", "I_axes": "Q"})
            group.create_dataset("Q", data=q).attrs["units"] = unit
            group.create_dataset("I", data=intensity).attrs["units"] = "1/cm"
            group.create_dataset("Idev", data=np.sqrt(np.abs(intensity)))
    return path


def write_poni(path, beam=BEAM, shape=SHAPE, **changes):
    """A calibration as pyFAI saves it, of an untilted detector."""
    from pyFAI.detectors import Detector

    detector = Detector(pixel1=PIXEL, pixel2=PIXEL, max_shape=shape)
    settings = {"dist": DISTANCE, "wavelength": WAVELENGTH} | changes
    poni1, poni2 = ((place + 0.5) * PIXEL for place in beam)
    AzimuthalIntegrator(poni1=poni1, poni2=poni2, detector=detector, **settings).save(str(path))
    return path


def fabio_written(path, levels):
    """An image in the format of its suffix, by fabio or h5py."""
    writers = {".edf": write_edf, ".cbf": write_cbf, ".h5": write_nexus, ".nxs": write_nexus, ".hdf5": write_nexus}
    if path.suffix in writers:
        return writers[path.suffix](path, levels)
    fabio.tifimage.TifImage(data=levels).write(str(path))
    return path


def grey(seed, fraction=0.5, shape=(48, 64)):
    """An image of two levels with about this share of bright pixels."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2)
    return np.where(field > np.quantile(field, 1 - fraction), 255, 0).astype(np.uint8)


def pairs_folder(folder, n=10, columns=None):
    """Detector images with gaps and micrographs of two groups with other area fractions."""
    rows = []
    for i in range(n):
        write_edf(folder / f"{i}.edf", np.where(gaps(), -1, counts(i)).astype(np.int32))
        Image.fromarray(grey(i, 0.3 + 0.3 * (i % 2))).save(folder / f"{i}.png")
        row = {"sample_id": f"s{i}", "saxs": f"{i}.edf", "sem": f"{i}.png", "batch": "ab"[i % 2], "nm_per_pixel": "2"}
        row |= {"beam_row": BEAM[0], "beam_col": BEAM[1], "morphology": "lines" if i else "dots"}
        rows.append(row | (columns(i) if columns else {}))
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    (folder / "manifest.csv").write_text("\n".join(lines))
    return folder
