"""A trained model as a folder: numbers as safetensors, all else as JSON and a card; reading it executes nothing.

What is read may come from anywhere, so every claim in it is checked before memory is taken for it.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, load_file, save_file
from torch import Tensor, nn

from pairvae_lib import __version__
from pairvae_lib.bundles.kinds import ASSESSMENT, KINDS, LATENTS
from pairvae_lib.checks import check_one_of
from pairvae_lib.data.modality import Kind, Modality
from pairvae_lib.data.pairs import PreparedPairs
from pairvae_lib.data.reading.gate import within
from pairvae_lib.data.scaling import Scaling
from pairvae_lib.data.splits import Split
from pairvae_lib.files.arrays import write_json
from pairvae_lib.files.writing import replacing_folder
from pairvae_lib.models.pairvae import PairVAE

FORMAT, FORMAT_VERSION = "pairvae bundle", 2
READABLE = (1, 2)  # version 1 names the likelihood in place of the kind, and has one scaling for both techniques
MODEL, CONFIG, CARD = "model.safetensors", "config.json", "card.md"
EXACT = "regression."  # of a flow: sums of large numbers that nearly cancel, which 16 bits would spoil
CONFIG_LIMIT = 4_000_000  # bytes; ours have some ten thousand
EXAMPLES = "examples.safetensors"
ATTACHMENTS = (ASSESSMENT, LATENTS, EXAMPLES)  # what else a folder may hold; see `kinds`, `report.exhibits`
ATTACHMENT_LIMIT = 20_000_000  # bytes


class BundleError(ValueError):
    """A folder that is not a bundle, or one that cannot be trusted: one sentence with the folder and the reason."""

    def __init__(self, folder: Path | str, reason: str):
        super().__init__(f"{folder} cannot be used as a trained model: {reason}")


@dataclass(frozen=True)
class Bundle:
    """A trained model with what is needed to apply it, and where it comes from.

    Parameters
    ----------
    model : nn.Module
        In inference mode: a `PairVAE` for the kind "pairvae", a `ConditionalFlow` for "flow".
    modalities : (Modality, Modality)
        In the order of `modality.KINDS`.
    scalings : (Scaling, Scaling)
        How raw measurements of each become what the model sees.
    profile : str
        Name of the profile that it was trained in.
    provenance : mapping
        Plain values: data, digest, seed, sample_ids of training ("train") and not ("held_out"), versions, ...
    kind : str
        A key of `kinds.KINDS`.
    attachments : mapping of str to bytes
        Further files of the folder, by ATTACHMENTS; a model can be applied without them.
    """

    model: nn.Module
    modalities: tuple[Modality, Modality]
    scalings: tuple[Scaling, Scaling]
    profile: str
    provenance: Mapping[str, Any]
    kind: str = "pairvae"
    attachments: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def modality(self, name: str) -> Modality:
        """The technique of that name."""
        check_one_of("modality", name, [modality.name for modality in self.modalities])
        return next(modality for modality in self.modalities if modality.name == name)

    def scaling(self, name: str) -> Scaling:
        """The scaling of the technique of that name."""
        return self.scalings[self.modalities.index(self.modality(name))]

    def other(self, name: str) -> str:
        """The technique on the other side."""
        first, second = (modality.name for modality in self.modalities)
        return second if self.modality(name).name == first else first


def save_bundle(folder: Path | str, bundle: Bundle, card: str, half: bool = False) -> Path:
    """Write a bundle: complete, or not at all.

    Parameters
    ----------
    folder : Path or str
        It must not exist yet: FileExistsError.
    card : str
        The model card, Markdown.
    half : bool
        Store numbers in 16 bits, which halves the files; the model computes in 32 either way.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} is there already; name a folder that does not exist yet")
    for name in bundle.attachments:
        check_one_of("name of an attachment", name, ATTACHMENTS)
    with replacing_folder(folder) as fresh:
        numbers = bundle.model.state_dict()
        state = {name: _stored(value, half and not name.startswith(EXACT)) for name, value in numbers.items()}
        save_file(state, fresh / MODEL)
        write_json(fresh / CONFIG, _config(bundle, fresh / MODEL))
        (fresh / CARD).write_text(card, encoding="utf-8")
        for name, content in bundle.attachments.items():
            (fresh / name).write_bytes(content)
        for path in fresh.iterdir():
            path.chmod(0o644)  # safetensors keeps others out
    return folder


def load_bundle(folder: Path | str) -> Bundle:
    """Read what `save_bundle` wrote.

    BundleError if it is not a bundle, of another version, changed since it was written, or says something else than it
    holds.
    """
    folder = Path(folder)
    config = _read_config(folder)
    kind = config.get("kind")
    if kind not in KINDS:
        raise BundleError(folder, f"its kind must be one of {', '.join(KINDS)}; got {kind!r}")
    try:
        first, second = map(_modality, config["modalities"])
        modalities = (first, second)
        for modality in modalities:  # names become names of files
            if not modality.name or modality.name.startswith(".") or set(modality.name) & set("/\\\0"):
                raise ValueError(f"a modality cannot be called {modality.name!r}")
        of_first, of_second = map(Scaling.from_json, config.get("scalings") or [config["scaling"]] * 2)
        with torch.device("meta"):  # shapes without memory: the file may ask for any size
            wanted = KINDS[kind].fresh(config["model"], modalities).state_dict()
        profile, provenance, digest = config["profile"], dict(config["provenance"]), config["sha256"]
        attached = dict(config.get("attachments", {}))
    except Exception as error:  # a changed file raises anything
        raise BundleError(folder, f"{CONFIG} does not describe a model ({error!r})") from error
    state = _read_state(folder, wanted, digest)
    model = KINDS[kind].fresh(config["model"], modalities)
    model.load_state_dict(state)
    model.eval()
    attachments = {name: _read_attachment(folder, name, digest) for name, digest in attached.items()}
    return Bundle(model, modalities, (of_first, of_second), str(profile), provenance, kind, attachments)


def _modality(described: Mapping[str, Any]) -> Modality:
    """A technique; of bundles of format version 1 by its likelihood: there were no images then."""
    shape = tuple(map(int, described["shape"]))
    before: dict[str, Kind] = {"bernoulli": "mask", "gaussian": "profile" if len(shape) == 1 else "pattern"}
    kind: Kind = described["kind"] if "kind" in described else before[described["likelihood"]]
    return Modality(str(described["name"]), shape, kind)


def versions(*packages: str) -> dict[str, str]:
    """Of Python and of some packages."""
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def origin(data: str, seed: int, pairs: PreparedPairs, split: Split, **others: str) -> dict[str, Any]:
    """Where a model that comes with the book was trained, as plain values for its provenance."""
    ids = {"train": split.train, "held_out": split.held_out}
    return {
        "data": data,
        "digest": pairs.digest,
        "seed": seed,
        **others,
        "sample_ids": {name: [pairs.sample_ids[index] for index in indices] for name, indices in ids.items()},
        "versions": versions("torch", "numpy"),
    }


def check_route(bundle: Bundle, source: str, target: str) -> None:
    """Raise ValueError unless the model predicts one modality from the other."""
    known = KINDS[bundle.kind].routes(bundle.model)
    if (source, target) not in known:
        named = ", ".join(f"{one} to {other}" for one, other in known)
        instead = "" if bundle.kind == "pairvae" else "; a model of the kind 'pairvae' knows all four (pairvae train)"
        raise ValueError(f"route must be one of {named}; got {source} to {target}{instead}")


def check_latents(bundle: Bundle) -> PairVAE:
    """The model, or ValueError if it is of a kind that has no latents to draw around."""
    if not isinstance(bundle.model, PairVAE):
        raise ValueError(
            f"generate needs a model with latents, of the kind 'pairvae'; got {bundle.kind!r}, whose ensembles pairvae "
            "reconstruct draws as widely as the measurement leaves open"
        )
    return bundle.model


def latent_variance(bundle: Bundle) -> dict[str, Tensor]:
    """Variance of the latents of the training samples, by modality; ValueError if the model's folder does not hold it.

    The model must have latents (`check_latents`).
    """
    if LATENTS not in bundle.attachments:
        raise ValueError(f"the model's folder holds no {LATENTS}, which generation needs; train it with pairvae train")
    try:
        found = load(bundle.attachments[LATENTS])
    except SafetensorError as error:
        raise ValueError(f"{LATENTS} is not a safetensors file ({error})") from error
    model = check_latents(bundle)
    for name in model.names:
        wanted = model.vae(name).latent_shape
        if name not in found or tuple(found[name].shape) != wanted:
            raise ValueError(f"{LATENTS} must hold {name} of shape {wanted}")
        if not (found[name].isfinite().all() and (found[name] >= 0).all()):
            raise ValueError(f"{LATENTS} must hold variances: finite, not below 0")
    return found


def _stored(value: Tensor, half: bool) -> Tensor:
    """A tensor as it is written."""
    value = value.detach().cpu().contiguous()
    return value.half() if half and value.is_floating_point() else value


def _config(bundle: Bundle, weights: Path) -> dict[str, Any]:
    """All of a bundle but its numbers and its card."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "library": __version__,
        "kind": bundle.kind,
        "profile": bundle.profile,
        "modalities": [asdict(modality) for modality in bundle.modalities],
        "model": KINDS[bundle.kind].described(bundle.model),
        "scalings": [asdict(scaling) for scaling in bundle.scalings],
        "provenance": dict(bundle.provenance),
        "sha256": sha256(weights.read_bytes()).hexdigest(),
        "attachments": {name: sha256(content).hexdigest() for name, content in bundle.attachments.items()},
    }


def _own_file(folder: Path, name: str) -> Path:
    """A file of a bundle; BundleError if it is a link that leads out."""
    if not within(folder, folder / name):
        raise BundleError(folder, f"{name} must be a file within the folder")
    return folder / name


def _read_attachment(folder: Path, name: str, digest: Any) -> bytes:
    """A further file of the folder, if it is the one that was written."""
    if name not in ATTACHMENTS:
        raise BundleError(folder, f"an attachment must be one of {', '.join(ATTACHMENTS)}; got {name!r}")
    path = _own_file(folder, name)
    if not path.is_file():
        raise BundleError(folder, f"it holds no {name}, which {CONFIG} names")
    size = path.stat().st_size
    if size > ATTACHMENT_LIMIT:
        raise BundleError(folder, f"{name} must be below {ATTACHMENT_LIMIT / 1e6:g} MB; got {size} bytes")
    content = path.read_bytes()
    if sha256(content).hexdigest() != digest:
        raise BundleError(folder, f"{name} is not the file that {CONFIG} was written with")
    return content


def _read_config(folder: Path) -> dict[str, Any]:
    """config.json, of this version."""
    path = _own_file(folder, CONFIG)
    if not path.is_file():
        raise BundleError(folder, f"it holds no {CONFIG}" if folder.is_dir() else "it is not a folder")
    if path.stat().st_size > CONFIG_LIMIT:
        raise BundleError(folder, f"{CONFIG} must be below {CONFIG_LIMIT / 1e6:g} MB; got {path.stat().st_size} bytes")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BundleError(folder, f"{CONFIG} is not JSON ({error})") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise BundleError(folder, f"{CONFIG} is not that of a {FORMAT}")
    if config.get("format_version") not in READABLE:
        raise BundleError(
            folder,
            f"its format version must be {FORMAT_VERSION}; got {config.get('format_version')!r}, written by "
            f"pairvae_lib {config.get('library')!r} (this is {__version__})",
        )
    return config


def _read_state(folder: Path, wanted: Mapping[str, Tensor], digest: Any) -> dict[str, Tensor]:
    """The numbers, in 32 bits, if they are those that were written and fit the model."""
    path = _own_file(folder, MODEL)
    if not path.is_file():
        raise BundleError(folder, f"it holds no {MODEL}")
    try:
        with safe_open(path, "pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise BundleError(folder, f"{MODEL} is not a whole safetensors file ({error})") from error
    different = [
        f"{name} {shapes.get(name, 'missing')} instead of {tuple(wanted[name].shape) if name in wanted else 'nothing'}"
        for name in sorted(shapes.keys() | wanted.keys())
        if name not in shapes or name not in wanted or shapes[name] != tuple(wanted[name].shape)
    ]
    if different:
        more = f" and {len(different) - 3} more" if len(different) > 3 else ""
        raise BundleError(folder, f"{MODEL} does not fit {CONFIG}: {'; '.join(different[:3])}{more}")
    if sha256(path.read_bytes()).hexdigest() != digest:
        raise BundleError(folder, f"{MODEL} is not the file that {CONFIG} was written with")
    state = load_file(path)
    broken = [name for name, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise BundleError(folder, f"{MODEL} holds NaN or infinity in {', '.join(broken[:3])}")
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
