"""What the explorer of a flow shows: held-out scattering, the flow's condition for it, and true crops.

One safetensors file holds it, as that of a PairVAE (see `exploration`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pairvae_lib.checks import check_finite, check_shape
from pairvae_lib.exploration import FILE, LEVELS, read_examples, write_examples
from pairvae_lib.exporting import export_flow, flow_file
from pairvae_lib.flow import ConditionalFlow
from pairvae_lib.modality import Modality

FORMAT = "pairvae ensembles 1"


@dataclass(frozen=True, eq=False)
class FlowExploration:
    """Held-out examples of a flow.

    Parameters
    ----------
    sample_ids, morphologies : tuple of str, length n
    modalities : (Modality, Modality)
        Scattering, then micrograph.
    scattering : float32 ndarray of shape (n, *shape)
        Values in [0, 1]; patterns in 255 steps.
    conditions : float32 ndarray of shape (n, K)
        The flow's, of this scattering.
    masks : bool ndarray of shape (n, crops, height, width)
        True crops of each sample.
    q : float64 ndarray of shape (points,), optional
        q grid of 1-D profiles [q_unit].
    q_unit : str
    """

    sample_ids: tuple[str, ...]
    morphologies: tuple[str, ...]
    modalities: tuple[Modality, Modality]
    scattering: NDArray[np.float32]
    conditions: NDArray[np.float32]
    masks: NDArray[np.bool_]
    q: NDArray[np.float64] | None = None
    q_unit: str = ""

    @classmethod
    def of(
        cls,
        flow: ConditionalFlow,
        sample_ids: Sequence[str],
        morphologies: Sequence[str],
        scattering: np.ndarray,
        masks: np.ndarray,
        q: np.ndarray | None = None,
        q_unit: str = "",
    ) -> FlowExploration:
        """That of a trained flow.

        Parameters
        ----------
        flow : ConditionalFlow
        sample_ids, morphologies : sequence of str, length n
        scattering : ndarray of shape (n, *shape)
            Values in [0, 1].
        masks : bool ndarray of shape (n, crops, height, width)
            Crops of the size of the flow's micrographs.
        q, q_unit
            As of the class.

        Raises
        ------
        ValueError
            If a shape is another, or a value is not finite.
        """
        first, second = flow.modalities
        n = len(sample_ids)
        check_shape("scattering", scattering, (n, *first.shape))
        check_finite("scattering", scattering)
        check_shape("masks", masks, (n, "crops", *second.shape))
        check_shape("morphologies", np.asarray(morphologies), (n,))
        shown = np.asarray(scattering, np.float32)
        if first.is_image:  # what is drawn belongs to what is shown
            shown = np.rint(shown * LEVELS).astype(np.float32) / np.float32(LEVELS)
        with torch.no_grad():
            conditions = flow.condition(torch.from_numpy(shown)[:, None].to(flow.device)).cpu().numpy()
        return cls(
            tuple(map(str, sample_ids)), tuple(map(str, morphologies)), flow.modalities, shown, conditions,
            np.asarray(masks, bool), q, q_unit,
        )

    def save(self, path: Path | str) -> Path:
        """Write all of it to one file, which appears complete or not at all.

        Raises
        ------
        CannotWrite
            If the disk is full or the folder cannot be written.
        """
        pattern = np.rint(self.scattering * LEVELS).astype(np.uint8)
        arrays = {
            "scattering": pattern if self.modalities[0].is_image else self.scattering,
            "conditions": self.conditions,
            "mask_bits": np.packbits(self.masks, axis=-1),
        }
        if self.q is not None:
            arrays["q"] = self.q.astype(np.float32)
        described = {
            "sample_ids": self.sample_ids,
            "morphologies": self.morphologies,
            "modalities": [{"name": one.name, "shape": one.shape} for one in self.modalities],
            "q_unit": self.q_unit,
        }
        return write_examples(path, FORMAT, arrays, described)

    @classmethod
    def load(cls, path: Path | str) -> FlowExploration:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        DataError
            If it is another kind of file, or a broken one.
        """
        return read_examples(path, FORMAT, lambda described, arrays: cls(**_fields(described, arrays)))


def write_flow_exploration(folder: Path | str, flow: ConditionalFlow, exploration: FlowExploration) -> Path:
    """Write all that an explorer of a flow loads: its network as ONNX, and the exploration.

    Parameters
    ----------
    folder : Path or str
        Files in it are replaced.
    flow : ConditionalFlow
    exploration : FlowExploration
        Of this flow.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        If the extra `onnx` is not installed.
    CannotWrite
        If the disk is full or the folder cannot be written.
    """
    scattering, micrograph = (modality.name for modality in flow.modalities)
    export_flow(flow, Path(folder) / flow_file(scattering, micrograph))
    exploration.save(Path(folder) / FILE)
    return Path(folder)


def _fields(described: dict, arrays: dict[str, np.ndarray]) -> dict:
    """The fields of an exploration from what its file holds."""
    first, second = described["modalities"]
    modalities = (
        Modality(first["name"], tuple(first["shape"]), "gaussian"),
        Modality(second["name"], tuple(second["shape"]), "bernoulli"),
    )
    return {
        "sample_ids": tuple(described["sample_ids"]),
        "morphologies": tuple(described["morphologies"]),
        "modalities": modalities,
        "scattering": arrays["scattering"].astype(np.float32) / np.float32(LEVELS if modalities[0].is_image else 1),
        "conditions": arrays["conditions"],
        "masks": np.unpackbits(arrays["mask_bits"], axis=-1, count=second["shape"][1]).astype(bool),
        "q": arrays["q"].astype(np.float64) if "q" in arrays else None,
        "q_unit": described["q_unit"],
    }
