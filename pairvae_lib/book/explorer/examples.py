"""What explorers show: examples, with the directions in which latents spread, or with the condition of a flow.

One safetensors file holds it, which a few lines of any language read: a browser's among them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pairvae_lib.bundles.onnx import export_decoder, export_flow, flow_file
from pairvae_lib.checks import DataError, check_finite, check_shape
from pairvae_lib.data.modality import Axis, Modality
from pairvae_lib.data.pairs import PreparedPairs, as_seen
from pairvae_lib.data.splits import Split
from pairvae_lib.files.writing import replacing
from pairvae_lib.models.flow.network import ConditionalFlow
from pairvae_lib.models.latents import posterior, principal_directions
from pairvae_lib.models.pairvae import PairVAE

FILE = "exploration.safetensors"
PER_MORPHOLOGY = 2  # examples that were held out; more where there are few morphologies
LEAST, MOST, MOST_SEEN = 4, 12, 4  # examples in all that were held out, and that were trained on
DIRECTIONS = 6  # sliders; the rest of the variance is what "draw again" draws from
LEVELS = 255  # of a pixel of a pattern or image
FORMAT_VERSION = 2  # of the file; one of version 1 holds scattering and masks, and is read, too


@dataclass(frozen=True, eq=False, kw_only=True)
class Examples:
    """Held-out examples that an explorer shows, as one file.

    Parameters
    ----------
    sample_ids, morphologies : tuple of str, length n
    modalities : (Modality, Modality)
    measured : mapping of modality to ndarray of shape (n, *shape)
        Profiles as float32 in [0, 1]; patterns and crops of images as uint8; crops of masks as bool, of a flow several
        of each sample: (n, crops, *shape).
    axes : mapping of modality to (Axis, float64 ndarray of shape (points,))
        Of profiles: what they are over, and its points.
    """

    kind: ClassVar[str]  # what the file says that it is, before its version
    sample_ids: tuple[str, ...]
    morphologies: tuple[str, ...]
    modalities: tuple[Modality, Modality]
    measured: Mapping[str, NDArray]
    axes: Mapping[str, tuple[Axis, NDArray[np.float64]]]

    def _own(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays, and what JSON can hold, beyond those of all examples."""
        raise NotImplementedError

    @classmethod
    def _own_fields(cls, described: dict, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """Fields from what `_own` gave."""
        raise NotImplementedError

    def save(self, path: Path | str) -> Path:
        """Write all of it to one file, which appears complete or not at all."""
        arrays, own_words = self._own()
        for name, values in self.measured.items():
            arrays[f"measured {name}"] = np.packbits(values, axis=-1) if values.dtype == np.bool_ else values
        arrays |= {f"grid {name}": grid for name, (_, grid) in self.axes.items()}
        described = {
            "sample_ids": self.sample_ids,
            "morphologies": self.morphologies,
            "modalities": [asdict(one) for one in self.modalities],
            "axes": {name: asdict(axis) for name, (axis, _) in self.axes.items()},
            **own_words,
        }
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        with replacing(Path(path)) as file:
            said = {"format": f"{self.kind} {FORMAT_VERSION}", "described": json.dumps(described)}
            file.write(_in_order(save(contiguous, said)))
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
            if header.get("format") in (f"{cls.kind} 1", f"{cls.kind} {FORMAT_VERSION}"):
                described = json.loads(header["described"])
                if "axes" not in described:
                    _renew(described, arrays)
                return cls(**cls._fields(described, arrays))
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise DataError(path, [f"a broken file of the explorer ({error!r})"]) from error
        raise DataError(path, [f"no file of the explorer: its format must be '{cls.kind} {FORMAT_VERSION}'"])

    @classmethod
    def _fields(cls, described: dict, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """All fields from what a file holds."""
        first, second = (Modality(**one | {"shape": tuple(one["shape"])}) for one in described["modalities"])
        measured = {one.name: arrays[f"measured {one.name}"] for one in (first, second)}
        for one in (first, second):
            if one.kind == "mask":
                measured[one.name] = np.unpackbits(measured[one.name], axis=-1, count=one.shape[1]).astype(bool)
        return {
            "sample_ids": tuple(described["sample_ids"]),
            "morphologies": tuple(described["morphologies"]),
            "modalities": (first, second),
            "measured": measured,
            "axes": {name: (Axis(**axis), arrays[f"grid {name}"]) for name, axis in described["axes"].items()},
            **cls._own_fields(described, arrays),
        }


def _renew(described: dict, arrays: dict[str, np.ndarray]) -> None:
    """Name what a file of version 1 holds, scattering and masks, as one of today does."""
    first, second = described["modalities"]
    first["kind"], second["kind"] = "profile" if "q" in arrays else "pattern", "mask"
    arrays[f"measured {first['name']}"] = arrays["scattering"]
    arrays[f"measured {second['name']}"] = arrays["mask_bits"]
    described["axes"] = {}
    if "q" in arrays:
        described["axes"][first["name"]] = asdict(Axis(unit=described["q_unit"]))
        arrays[f"grid {first['name']}"] = arrays["q"].astype(np.float64)


def _in_order(content: bytes) -> bytes:
    """A safetensors file with its header sorted: the library writes metadata in another order every time."""
    length = int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def as_kept(values: NDArray, modality: Modality) -> NDArray:
    """Measurements, or what is decoded, as a file keeps it, so that what is computed belongs to what is shown."""
    if modality.kind == "mask":
        return values > 0.5
    return values if modality.kind == "profile" else np.rint(values * LEVELS).astype(np.uint8)


@dataclass(frozen=True, eq=False, kw_only=True)
class Exploration(Examples):
    """Examples of a PairVAE, and how its latents spread. Latents are flat, of C h w features.

    Parameters
    ----------
    trained_on : tuple of bool, length n
        Whether an example was trained on; its micrograph is then the crop that it was trained on.
    latent_shape : (C, h, w)
    centres : mapping of modality to float32 ndarray of shape (n, features)
        Posterior means of the examples.
    directions : mapping of modality to float32 ndarray of shape (k, features)
        Leading principal directions of the latents of the training samples, one standard deviation long.
    variances : mapping of modality to float32 ndarray of shape (features,)
        Of the latents of all samples, as in the paper's Fig. 7.
    """

    kind = "pairvae exploration"
    trained_on: tuple[bool, ...]
    latent_shape: tuple[int, int, int]
    centres: Mapping[str, NDArray[np.float32]]
    directions: Mapping[str, NDArray[np.float32]]
    variances: Mapping[str, NDArray[np.float32]]

    @classmethod
    def of(
        cls, model: PairVAE, pairs: PreparedPairs, split: Split, rng: np.random.Generator,
        seen: NDArray[np.float32] | Mapping[str, NDArray[np.float32]] | None = None,
    ) -> Exploration:
        """That of a trained model: a few held-out samples of every morphology, crops of them drawn by `rng`.

        With `seen`, what the model was trained on (`focused` of the training samples, in their order, by modality:
        (train, 1, *shape); an array is of the only micrographs), also one training sample of every morphology.
        """
        cropped = [one.name for one in pairs.modalities if one.is_cropped]
        known = dict(zip(cropped, [seen], strict=False)) if isinstance(seen, np.ndarray) else dict(seen or {})
        if seen is not None and not (known and set(cropped) <= set(known) <= set(model.names)):
            wanted = " and ".join(cropped or model.names)
            got = ", ".join(known) or "none"
            raise ValueError(f"seen must hold what the model was trained on of {wanted}; got {got}")
        count = max(PER_MORPHOLOGY, LEAST // len(set(pairs.morphologies)))
        held_out = _examples(pairs.morphologies, split.held_out, count)[:MOST]
        trained_on = [] if seen is None else _examples(pairs.morphologies, split.train, 1)[:MOST_SEEN]
        chosen = held_out + trained_on
        latents, measured, centres = {}, {}, {}

        def means(name: str, x: NDArray) -> NDArray[np.float32]:
            return posterior(model.vae(name), x).latent_mean.flatten(1).numpy()

        shown = pairs.shown(range(len(pairs)), rng)
        for one in pairs.modalities:
            latents[one.name], own = means(one.name, shown[one.name]), shown[one.name][chosen]
            if one.name in known:
                check_shape("seen", known[one.name], (len(split.train), 1, *one.shape))
                own[len(held_out) :] = known[one.name][[split.train.index(index) for index in trained_on]]
            measured[one.name] = as_kept(own, one)[:, 0]
            centres[one.name] = means(one.name, as_seen(measured[one.name])[:, np.newaxis])
        train, k = list(split.train), min(DIRECTIONS, len(split.train) - 1)
        return cls(
            sample_ids=tuple(pairs.sample_ids[i] for i in chosen),
            morphologies=tuple(pairs.morphologies[i] for i in chosen),
            modalities=pairs.modalities,
            trained_on=(False,) * len(held_out) + (True,) * len(trained_on),
            measured=measured,
            axes={
                one.modality.name: (one.axis, one.grid)
                for one in pairs.measured
                if one.axis is not None and one.grid is not None
            },
            latent_shape=model.vae(pairs.modalities[0].name).latent_shape,
            centres=centres,
            directions={name: principal_directions(z[train], k).astype(np.float32) for name, z in latents.items()},
            variances={name: values.var(axis=0) for name, values in latents.items()},
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
    """Held-out examples of a flow from scattering to masks, with several true crops of each sample.

    Parameters
    ----------
    conditions : float32 ndarray of shape (n, K)
        The flow's, of this scattering.
    """

    kind = "pairvae ensembles"
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
        kept = as_kept(np.asarray(scattering, np.float32), first)
        with torch.no_grad():
            conditions = flow.condition(torch.from_numpy(as_seen(kept))[:, None].to(flow.device)).cpu().numpy()
        return cls(
            sample_ids=tuple(map(str, sample_ids)),
            morphologies=tuple(map(str, morphologies)),
            modalities=flow.modalities,
            measured={first.name: kept, second.name: np.asarray(masks, bool)},
            axes={} if q is None else {first.name: (Axis(unit=q_unit), np.asarray(q, float))},
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


def _examples(morphologies: tuple[str, ...], indices: tuple[int, ...], count: int) -> list[int]:
    """The first `count` of these samples of every morphology, by morphology."""
    by_class: dict[str, list[int]] = {}
    for index in indices:
        by_class.setdefault(morphologies[index], []).append(index)
    return [index for name in sorted(by_class) for index in by_class[name][:count]]
