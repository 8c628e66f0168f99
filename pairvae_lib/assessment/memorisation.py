"""Whether scattering -> micrograph draws its training crops from memory."""

from __future__ import annotations

import numpy as np
from scipy import fft

from pairvae_lib.checks import check_mask
from pairvae_lib.config import PairTraining
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.models.training import focused_crops
from pairvae_lib.morphology.masks import dice


def memorisation(
    reconstructed: np.ndarray, pairs: PreparedPairs, split: Split, settings: PairTraining, true_crops: np.ndarray,
    seed: int,
) -> dict[str, np.ndarray]:
    """Overlap of what scattering -> micrograph draws with what it was trained on.

    Parameters
    ----------
    reconstructed : bool ndarray of shape (n, size, size)
        From the scattering of every image.
    true_crops : bool ndarray of shape (n, crops, size, size)
        Other crops than those of the training.

    Returns
    -------
    dict of name to ndarray of Dice coefficients
        For the training images: "own training crop" and "other crops of the sample". For reconstructions of held-out
        images: "nearest training crop", among the crops of the focused phase, and "nearest crop of a training
        micrograph", among all positions in all training micrographs. The last two also with ", true" for a true crop of
        the same images: what an honest answer would score.
    """
    train, held_out = list(split.train), list(split.held_out)
    seen = focused_crops(pairs, split.train, settings, seed)[:, 0] > 0.5
    answers = {"": reconstructed[held_out], ", true": true_crops[held_out, 0]}
    found = {
        "own training crop": dice(reconstructed[train], seen),
        "other crops of the sample": dice(reconstructed[train][:, np.newaxis], true_crops[train]).mean(axis=1),
    }
    found |= {
        f"nearest training crop{kind}": dice(masks[:, np.newaxis], seen).max(axis=1) for kind, masks in answers.items()
    }
    anywhere = np.max([best_overlap(np.concatenate(list(answers.values())), pairs.masks[i]) for i in train], axis=0)
    found |= {
        f"nearest crop of a training micrograph{kind}": values
        for kind, values in zip(answers, np.split(anywhere, 2), strict=True)
    }
    return found


def best_overlap(masks: np.ndarray, micrograph: np.ndarray) -> np.ndarray:
    """Dice coefficient of each mask with the window of a micrograph that it overlaps most, over all positions: (n,).

    Masks of shape (n, height, width), and a micrograph (H, W) that is at least as large.
    """
    check_mask("masks", masks)
    check_mask("micrograph", micrograph)
    height, width = masks.shape[-2:]
    rows, columns = micrograph.shape[0] - height + 1, micrograph.shape[1] - width + 1
    if rows < 1 or columns < 1:
        raise ValueError(f"micrograph must be at least {height} x {width} px as the masks; got {micrograph.shape}")
    shape = [fft.next_fast_len(length, real=True) for length in micrograph.shape]
    # Windows that lie wholly inside do not feel that the transform is periodic. Single precision tells counts apart.
    spectrum = fft.rfft2(micrograph.astype(np.float32), shape)
    ones = np.ones((height, width), np.float32)
    area = fft.irfft2(spectrum * fft.rfft2(ones, shape).conj(), shape)[:rows, :columns]
    best = np.empty(len(masks))
    for index, mask in enumerate(masks):
        shared = fft.irfft2(spectrum * fft.rfft2(mask.astype(np.float32), shape).conj(), shape)[:rows, :columns]
        total = np.rint(area) + mask.sum()
        best[index] = np.divide(2 * np.rint(shared), total, out=np.ones_like(total), where=total > 0).max()
    return best
