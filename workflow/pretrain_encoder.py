"""Make the weights of the narrow ResNet that are shipped: `python workflow/pretrain_encoder.py` (a quarter of an hour).

The paper's encoder was pretrained, by Barlow Twins, on micrographs of another material, and then frozen. This one is
pretrained on simulated micrographs of seeds that no data set uses, and on textures that are none of the four
morphologies. No pattern, and no sample of any training or assessment, is in it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from pairvae_lib.config import PAPER, BarlowPretraining
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.pairs import Measurements, PreparedPairs
from pairvae_lib.data.preprocessing import binarised
from pairvae_lib.data.simulation.micrograph import formed_micrograph
from pairvae_lib.data.simulation.morphologies import MORPHOLOGIES, RANGES, drawn_parameters
from pairvae_lib.data.simulation.pair import at_pixels, film_grid
from pairvae_lib.data.simulation.phase_field import evolved
from pairvae_lib.models.pairvae import NARROW_RESNET, NarrowResNetBackbone
from pairvae_lib.models.training import pretrain_barlow

SEED = 7001  # of nothing else
SHAPE = (415, 640)  # px, of a micrograph
SETTINGS = BarlowPretraining(steps=400)


def film(index: int) -> np.ndarray:
    """A micrograph, binarised, of one of the four morphologies."""
    rng = np.random.default_rng([SEED, index])
    cycle, turn = divmod(index, len(MORPHOLOGIES))
    morphology = MORPHOLOGIES[turn]
    parameters = drawn_parameters(morphology, rng, cycle % len(RANGES[morphology]))
    phi = at_pixels(evolved(parameters, film_grid(parameters, "quick"), rng), "quick")
    return binarised(formed_micrograph(phi, parameters, rng), PAPER.binarisation)


def texture(index: int) -> np.ndarray:
    """A texture of another kind, binarised: blobs, grains, discs or waves of any size, share and direction."""
    rng = np.random.default_rng([SEED, index, 1])
    kind, size, stretch = index % 4, rng.uniform(3, 14), rng.uniform(1, 4)
    share = rng.uniform(0.2, 0.6)
    shape = (max(SHAPE) + 200,) * 2
    if kind == 0:  # a thresholded Gaussian random field
        field = gaussian_filter(rng.standard_normal(shape), (size, size * stretch))
    elif kind == 1:  # boundaries between Voronoi cells
        points = rng.random((int(np.prod(shape) / (9 * size**2)), 2)) * shape
        rows, cols = np.indices(shape).reshape(2, -1)
        distances, _ = cKDTree(points).query(np.stack([rows, cols / stretch], 1), k=2)
        field = (distances[:, 0] - distances[:, 1]).reshape(shape)
    elif kind == 2:  # overlapping discs of several sizes
        field = np.zeros(shape)
        for scale in size * np.array([0.7, 1.0, 1.6]):
            seeds = (rng.random(shape) < 0.1 / scale**2).astype(float)
            field = np.maximum(field, gaussian_filter(seeds, (scale, scale * stretch)) * scale**2)
    else:  # waves with a wandering phase
        phase = 40 * gaussian_filter(rng.standard_normal(shape), 30 * rng.uniform(0.5, 2)) * size
        field = np.sin(2 * np.pi * np.arange(shape[1]) / (3 * size) + phase) * np.ones(shape)
    field = field if rng.random() < 0.5 else field.T
    mask = field > np.quantile(field, 1 - share)
    first = rng.integers(0, shape[0] - SHAPE[0]), rng.integers(0, shape[1] - SHAPE[1])
    return mask[first[0] : first[0] + SHAPE[0], first[1] : first[1] + SHAPE[1]]


def main() -> None:
    """Simulate, pretrain and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=NARROW_RESNET)
    parser.add_argument("--films", type=int, default=96)
    parser.add_argument("--textures", type=int, default=48)
    parser.add_argument("--partial", type=Path, help="checkpoint to resume from")
    options = parser.parse_args()
    torch.set_num_threads(1)
    masks = [film(index) for index in range(options.films)] + [texture(index) for index in range(options.textures)]
    size = PAPER.image_size
    blank = Measurements(Modality("saxs", (size, size), "pattern"), np.zeros((len(masks), 1, size, size), np.float32))
    micrographs = Measurements(Modality("sem", (size, size), "mask"), tuple(masks))
    names = tuple(f"m{index}" for index in range(len(masks)))
    pairs = PreparedPairs(names, ("unlabelled",) * len(masks), None, (blank, micrographs))
    torch.manual_seed(SEED)
    backbone = NarrowResNetBackbone()
    history = pretrain_barlow(backbone, pairs, tuple(range(len(masks))), SETTINGS, SEED, options.partial)
    state = {name: value.half() if value.dim() else value for name, value in backbone.state_dict().items()}
    save_file(state, options.out)
    barlow = history.losses["barlow"]
    print(f"wrote {options.out}; Barlow loss {barlow[0]:.3f} at first, {np.mean(barlow[-20:]):.4f} in the last steps")


if __name__ == "__main__":
    main()
