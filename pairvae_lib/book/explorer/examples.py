"""What explorers show: examples, with the directions in which latents spread, or with the condition of a flow.

One safetensors file holds it, which a few lines of any language read: a browser's among them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pairvae_lib.bundles.onnx import export_decoder, export_flow, flow_file
from pairvae_lib.checks import DataError, check_finite, check_shape
from pairvae_lib.data.modality import Modality
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.splits import Split
from pairvae_lib.files.writing import replacing
from pairvae_lib.models.flow.network import ConditionalFlow
from pairvae_lib.models.latents import posterior, principal_directions
from pairvae_lib.models.pairvae import PairVAE

FILE = "exploration.safetensors"
PER_MORPHOLOGY = 2  # examples
MOST, MOST_SEEN = 12, 4  # examples that were held out, and that were trained on
DIRECTIONS = 6  # sliders; the rest of the variance is what "draw again" draws from
LEVELS = 255  # of a pattern's pixel in the file


@dataclass(frozen=True, eq=False, kw_only=True)
class Examples:
    """Held-out examples that an explorer shows, as one file.

    Parameters
    ----------
    sample_ids, morphologies : tuple of str, length n
    modalities : (Modality, Modality)
        Scattering, then micrograph.
    scattering : float32 ndarray of shape (n, *shape)
        Values in [0, 1]; patterns in 255 steps.
    masks : bool ndarray of shape (n, ..., height, width)
        Crops of each micrograph.
    q : float64 ndarray of shape (points,), optional
        q grid of 1-D profiles [q_unit].
    q_unit : str
    """

    kind: ClassVar[str]  # what the file says that it is
    sample_ids: tuple[str, ...]
    morphologies: tuple[str, ...]
    modalities: tuple[Modality, Modality]
    scattering: NDArray[np.float32]
    masks: NDArray[np.bool_]
    q: NDArray[np.float64] | None = None
    q_unit: str = ""

    def _own(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays, and what JSON can hold, beyond those of all examples."""
        raise NotImplementedError

    @classmethod
    def _own_fields(cls, described: dict, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """Fields from what `_own` gave."""
        raise NotImplementedError

    def save(self, path: Path | str) -> Path:
        """Write all of it to one file, which appears complete or not at all."""
        own_arrays, own_words = self._own()
        pattern = np.rint(self.scattering * LEVELS).astype(np.uint8)
        arrays = own_arrays | {
            "scattering": pattern if self.modalities[0].is_image else self.scattering,
            "mask_bits": np.packbits(self.masks, axis=-1),
        }
        if self.q is not None:
            arrays["q"] = self.q.astype(np.float32)
        described = {
            "sample_ids": self.sample_ids,
            "morphologies": self.morphologies,
            "modalities": [{"name": one.name, "shape": one.shape} for one in self.modalities],
            **own_words,
            "q_unit": self.q_unit,
        }
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        with replacing(Path(path)) as file:
            file.write(_in_order(save(contiguous, {"format": self.kind, "described": json.dumps(described)})))
        return Path(path)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what `save` wrote; DataError if it is another kind of file, or a broken one."""
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path} is not there")
        try:
            with safe_open(path, "numpy") as file:
                header = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if header.get("format") == cls.kind:
                return cls(**cls._fields(json.loads(header["described"]), arrays))
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise DataError(path, [f"a broken file of the explorer ({error!r})"]) from error
        raise DataError(path, [f"no file of the explorer: its format must be {cls.kind!r}"])

    @classmethod
    def _fields(cls, described: dict, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """All fields from what a file holds."""
        first, second = described["modalities"]
        modalities = (
            Modality(first["name"], tuple(first["shape"]), "gaussian"),
            Modality(second["name"], tuple(second["shape"]), "bernoulli"),
        )
        return {
            "sample_ids": tuple(described["sample_ids"]),
            "morphologies": tuple(described["morphologies"]),
            "modalities": modalities,
            "scattering": arrays["scattering"].astype(np.float32) / (LEVELS if modalities[0].is_image else 1),
            "masks": np.unpackbits(arrays["mask_bits"], axis=-1, count=second["shape"][1]).astype(bool),
            "q": arrays["q"].astype(np.float64) if "q" in arrays else None,
            "q_unit": described["q_unit"],
            **cls._own_fields(described, arrays),
        }


def _in_order(content: bytes) -> bytes:
    """A safetensors file with its header sorted: the library writes metadata in another order every time."""
    length = int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def as_kept(scattering: NDArray[np.float32], modality: Modality) -> NDArray[np.float32]:
    """Scattering as a file gives it back, so that what is drawn from it belongs to what is shown."""
    if not modality.is_image:
        return scattering
    return np.rint(scattering * LEVELS).astype(np.float32) / np.float32(LEVELS)


@dataclass(frozen=True, eq=False, kw_only=True)
class Exploration(Examples):
    """Examples of a PairVAE, and how its latents spread. Latents are flat, of C h w features.

    Parameters
    ----------
    trained_on : tuple of bool, length n
        Whether an example was trained on; its mask is then the crop that it was trained on.
    latent_shape : (C, h, w)
    centres : mapping of modality to float32 ndarray of shape (n, features)
        Posterior means of the examples.
    directions : mapping of modality to float32 ndarray of shape (k, features)
        Leading principal directions of the latents of the training samples, one standard deviation long.
    variances : mapping of modality to float32 ndarray of shape (features,)
        Of the latents of all samples, as in the paper's Fig. 7.
    """

    kind = "pairvae exploration 1"
    trained_on: tuple[bool, ...]
    latent_shape: tuple[int, int, int]
    centres: Mapping[str, NDArray[np.float32]]
    directions: Mapping[str, NDArray[np.float32]]
    variances: Mapping[str, NDArray[np.float32]]

    @classmethod
    def of(
        cls, model: PairVAE, pairs: PreparedPairs, split: Split, rng: np.random.Generator,
        seen: NDArray[np.float32] | None = None,
    ) -> Exploration:
        """That of a trained model: up to two held-out samples of every morphology, crops of them drawn by `rng`.

        With `seen`, the crops that the model was trained on (`focused_crops` of the training samples, in their order,
        (train, 1, *shape)), also one training sample of every morphology, with its crop.
        """
        first, second = pairs.modalities
        held_out = _examples(pairs.morphologies, split.held_out)[:MOST]
        crops = pairs.crops(range(len(pairs)), second.shape[0], rng)
        trained_on = [] if seen is None else _examples(pairs.morphologies, split.train, 1)[:MOST_SEEN]
        chosen = held_out + trained_on
        own = crops[chosen]
        if seen is not None:
            check_shape("seen", seen, (len(split.train), 1, *second.shape))
            own[len(held_out) :] = seen[[split.train.index(index) for index in trained_on]]
        shown = as_kept(pairs.scattering[chosen], first)

        def means(name: str, x: NDArray) -> NDArray[np.float32]:
            return posterior(model.vae(name), x).latent_mean.flatten(1).numpy()

        latents = {first.name: means(first.name, pairs.scattering), second.name: means(second.name, crops)}
        train, k = list(split.train), min(DIRECTIONS, len(split.train) - 1)
        return cls(
            sample_ids=tuple(pairs.sample_ids[i] for i in chosen),
            morphologies=tuple(pairs.morphologies[i] for i in chosen),
            modalities=pairs.modalities,
            trained_on=(False,) * len(held_out) + (True,) * len(trained_on),
            latent_shape=model.vae(first.name).latent_shape,
            scattering=shown[:, 0],
            masks=own[:, 0] > 0.5,
            centres={first.name: means(first.name, shown), second.name: means(second.name, own)},
            directions={name: principal_directions(z[train], k).astype(np.float32) for name, z in latents.items()},
            variances={name: values.var(axis=0) for name, values in latents.items()},
            q=pairs.q,
            q_unit=pairs.q_unit,
        )

    def _own(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Centres, directions and variances; the shape of a latent, and what was trained on."""
        arrays: dict[str, np.ndarray] = {}
        for kind, values in (("centres", self.centres), ("directions", self.directions), ("variance", self.variances)):
            arrays |= {f"{kind} {name}": value.astype(np.float32) for name, value in values.items()}
        return arrays, {"latent_shape": self.latent_shape, "trained_on": self.trained_on}

    @classmethod
    def _own_fields(cls, described: dict, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """The same, from a file."""
        names = [one["name"] for one in described["modalities"]]
        return {
            "latent_shape": tuple(described["latent_shape"]),
            "trained_on": tuple(described.get("trained_on", [False] * len(described["sample_ids"]))),
            "centres": {name: arrays[f"centres {name}"] for name in names},
            "directions": {name: arrays[f"directions {name}"] for name in names},
            "variances": {name: arrays[f"variance {name}"] for name in names},
        }


def write_exploration(folder: Path | str, model: PairVAE, exploration: Exploration) -> Path:
    """Write all that an explorer of a model loads: its decoders as ONNX, and the model's exploration."""
    folder = Path(folder)
    for name in model.names:
        export_decoder(model.vae(name), folder / f"{name}_decoder.onnx")
    exploration.save(folder / FILE)
    return folder


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
        """That of a trained flow, of n samples.

        Parameters
        ----------
        scattering : ndarray of shape (n, *shape)
            Values in [0, 1].
        masks : bool ndarray of shape (n, crops, height, width)
            Crops of the size of the flow's micrographs.
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
    """Write all that an explorer of a flow loads: its network as ONNX, and the flow's exploration."""
    scattering, micrograph = (modality.name for modality in flow.modalities)
    export_flow(flow, Path(folder) / flow_file(scattering, micrograph))
    exploration.save(Path(folder) / FILE)
    return Path(folder)


def _examples(morphologies: tuple[str, ...], indices: tuple[int, ...], count: int = PER_MORPHOLOGY) -> list[int]:
    """The first `count` of these samples of every morphology, by morphology."""
    by_class: dict[str, list[int]] = {}
    for index in indices:
        by_class.setdefault(morphologies[index], []).append(index)
    return [index for name in sorted(by_class) for index in by_class[name][:count]]
