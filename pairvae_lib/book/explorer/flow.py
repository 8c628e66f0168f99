"""What the explorer of a flow shows: held-out scattering, the flow's condition for it, and true crops.

One safetensors file holds it, as that of a PairVAE (see `examples`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pairvae_lib.book.explorer.examples import FILE, Examples, as_kept
from pairvae_lib.bundles.onnx import export_flow, flow_file
from pairvae_lib.checks import check_finite, check_shape
from pairvae_lib.models.flow.network import ConditionalFlow


@dataclass(frozen=True, eq=False, kw_only=True)
class FlowExploration(Examples):
    """Held-out examples of a flow, with several true crops of each sample, (n, crops, height, width).

    Parameters
    ----------
    conditions : float32 ndarray of shape (n, K)
        The flow's, of this scattering.
    """

    kind = "pairvae ensembles 1"
    conditions: NDArray[np.float32]

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
        """
        first, second = flow.modalities
        n = len(sample_ids)
        check_shape("scattering", scattering, (n, *first.shape))
        check_finite("scattering", scattering)
        check_shape("masks", masks, (n, "crops", *second.shape))
        check_shape("morphologies", np.asarray(morphologies), (n,))
        shown = as_kept(np.asarray(scattering, np.float32), first)
        with torch.no_grad():
            conditions = flow.condition(torch.from_numpy(shown)[:, None].to(flow.device)).cpu().numpy()
        return cls(
            sample_ids=tuple(map(str, sample_ids)),
            morphologies=tuple(map(str, morphologies)),
            modalities=flow.modalities,
            scattering=shown,
            masks=np.asarray(masks, bool),
            q=q,
            q_unit=q_unit,
            conditions=conditions,
        )

    def _own(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The conditions."""
        return {"conditions": self.conditions}, {}

    @classmethod
    def _own_fields(cls, described: dict, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """The same, from a file."""
        return {"conditions": arrays["conditions"]}


def write_flow_exploration(folder: Path | str, flow: ConditionalFlow, exploration: FlowExploration) -> Path:
    """Write all that an explorer of a flow loads: its network as ONNX, and the exploration.

    Parameters
    ----------
    folder : Path or str
        Files in it are replaced.
    flow : ConditionalFlow
    exploration : FlowExploration
        Of this flow.

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
