"""Trained networks as ONNX files, which run without this library: in a browser, at an instrument."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from pairvae_lib import __version__
from pairvae_lib.data.modality import Modality
from pairvae_lib.files.writing import replacing
from pairvae_lib.models.flow.condition import StatisticsRegression
from pairvae_lib.models.flow.network import PX_PER_STEP, ConditionalFlow
from pairvae_lib.models.pairvae import VAE, DoublingConvolution, Encoder, PairVAE

OPSET = 20
PACKAGES = ("onnx", "onnxscript")
SMALL = 64  # numbers; a shorter tensor stays in 32 bits, where it costs nothing
_CONVOLUTIONS = (DoublingConvolution, nn.Conv1d, nn.Conv2d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def can_export() -> bool:
    """Whether the packages of the extra `onnx` are installed."""
    return all(find_spec(name) is not None for name in PACKAGES)


def export_onnx(model: PairVAE | ConditionalFlow, folder: Path | str, half: bool = True) -> list[Path]:
    """Write both encoders and both decoders of a PairVAE, or both parts of a flow, into a folder; returns the files.

    They are `<modality>_encoder.onnx` and `<modality>_decoder.onnx`, or `<scattering>_condition.onnx` and
    `<scattering>_to_<micrograph>_flow.onnx`; files of these names are replaced. `half` is as in `export_decoder`.
    """
    if isinstance(model, ConditionalFlow):
        scattering, micrograph = (modality.name for modality in model.modalities)
        return [
            export_condition(model, Path(folder) / f"{scattering}_condition.onnx"),
            export_flow(model, Path(folder) / flow_file(scattering, micrograph), half),
        ]
    written = []
    for name in model.names:
        vae = model.vae(name)
        written += [
            export_encoder(vae, Path(folder) / f"{name}_encoder.onnx", half),
            export_decoder(vae, Path(folder) / f"{name}_decoder.onnx", half),
        ]
    return written


def export_decoder(vae: VAE, file: Path | str, half: bool = True) -> Path:
    """Write the decoder of one modality to a file, which appears complete or not at all; returns it.

    Its input "latent", (batch, C, h, w), gives the output "decoded", (batch, 1, *modality.shape): logits (bernoulli;
    the mask is where they are above 0) or intensities in [0, 1] (gaussian). Any number of latents at a time.

    `half` stores weights in 16 bits, which halves the file; what runs it computes in 32. ValueError if the extra `onnx`
    is not installed, or a weight does not fit into 16 bits.
    """
    decoder = _folded(vae.decoder)
    for module in decoder.modules():
        if isinstance(module, DoublingConvolution):
            module.form = "transposed"  # one node of the graph; the sub-pixel form is no faster there
    latent = torch.zeros(2, *vae.latent_shape)
    decoder = decoder if vae.modality.likelihood == "bernoulli" else _AsIntensities(decoder, vae.mode)
    return _export(decoder, {"latent": latent}, ["decoded"], file, half, _described(vae.modality, "decoder"))


def export_encoder(vae: VAE, file: Path | str, half: bool = True) -> Path:
    """Write the encoder of one modality; arguments as `export_decoder`.

    Its input "measurement", (batch, 1, *modality.shape), gives "latent_mean" and "latent_scale", (batch, C, h, w).
    """
    encoder = _Undivided(_folded(vae.encoder), vae.coded)
    measurement = torch.zeros(2, 1, *vae.modality.shape)
    names = ["latent_mean", "latent_scale"]
    return _export(encoder, {"measurement": measurement}, names, file, half, _described(vae.modality, "encoder"))


def export_flow(flow: ConditionalFlow, file: Path | str, half: bool = True) -> Path:
    """Write the network of a flow, one step of what `ConditionalFlow.sample` does; arguments as `export_decoder`.

    Its inputs "state", (batch, 1, H, W), "time", (batch,), and "condition", (batch, K), give the output "logits",
    (batch, 1, H, W), of P(mask = 1). Any number of states at a time, of any sides that are multiples of PX_PER_STEP.
    """
    components = flow.architecture.components
    state = torch.zeros(2, 1, 8 * PX_PER_STEP, 6 * PX_PER_STEP)  # sides that differ, or the graph takes them for one
    given = {"state": state, "time": torch.zeros(2), "condition": torch.zeros(2, components)}
    sides = {axis: PX_PER_STEP * torch.export.Dim(name) for axis, name in ((2, "rows"), (3, "columns"))}
    described = _described(flow.modalities[1], "flow") | {"components": str(components)}
    return _export(deepcopy(flow.net).cpu(), given, ["logits"], file, half, described, {"state": sides})


def export_condition(flow: ConditionalFlow, file: Path | str) -> Path:
    """Write what reads a flow's condition off the scattering.

    Its input "measurement", (batch, 1, *modality.shape), or (batch, crops, *modality.shape) of any number of crops of a
    micrograph, gives "condition", (batch, K). Between them it computes in 64 bits: the weights of a kernel ridge
    regression are large numbers that nearly cancel.
    """
    is_cropped = flow.modalities[0].is_cropped
    measurement = torch.zeros(2, 3 if is_cropped else 1, *flow.modalities[0].shape)
    crops = {"measurement": {1: torch.export.Dim("crops")}} if is_cropped else {}
    described = _described(flow.modalities[0], "condition") | {"components": str(flow.architecture.components)}
    regression = deepcopy(flow.regression).cpu()
    regression.__class__ = _WrittenOut
    return _export(regression, {"measurement": measurement}, ["condition"], file, False, described, crops)


def flow_file(scattering: str, micrograph: str) -> str:
    """File name of the network of a flow between two modalities."""
    return f"{scattering}_to_{micrograph}_flow.onnx"


class _WrittenOut(StatisticsRegression):
    """A regression whose distances are written out: no ONNX operator is known for torch's own."""

    def _squared_distances(self, features: Tensor, known: Tensor) -> Tensor:
        return (features[:, None] - known).square().sum(dim=2)


class _Undivided(nn.Module):
    """An encoder that takes its measurements all at once: the graph must not know their number."""

    def __init__(self, encoder: nn.Module, coded: Callable[[Tensor], Tensor]):
        super().__init__()
        self.encoder, self.coded = cast(Encoder, encoder), coded

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, *shape) -> mean and scale, each (B, C, h, w)."""
        x = self.coded(x)
        features = self.encoder.backbone(x) if self.encoder.frozen else x
        posterior = self.encoder.posterior(features)
        return posterior.latent_mean, posterior.latent_scale


class _AsIntensities(nn.Module):
    """A decoder of patterns that ends in intensities, where it draws colours."""

    def __init__(self, decoder: nn.Module, shown: Callable[[Tensor], Tensor]):
        super().__init__()
        self.decoder, self.shown = decoder, shown

    def forward(self, latent: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 1, *shape)."""
        return self.shown(self.decoder(latent))


def _described(modality: Modality, part: str) -> dict[str, str]:
    """What the file says of itself."""
    shape = " ".join(map(str, modality.shape))
    described = {"part": part, "modality": modality.name, "likelihood": modality.likelihood, "shape": shape}
    return described | {"pairvae_lib": __version__}


@torch.no_grad()
def _folded(network: nn.Module) -> nn.Module:
    """A copy in inference mode, with every batch norm that follows a convolution taken into its weights."""
    copy = deepcopy(network).cpu().eval()
    for chain in [module for module in copy.modules() if isinstance(module, nn.Sequential)]:
        for at, (layer, norm) in enumerate(zip(list(chain), list(chain)[1:], strict=False)):
            if isinstance(layer, _CONVOLUTIONS) and layer.bias is not None and isinstance(norm, _NORMS):
                _fold(layer, norm)
                chain[at + 1] = nn.Identity()
    return copy


def _fold(layer: nn.Module, norm: nn.Module) -> None:
    """Scale a convolution and shift its bias as the batch norm behind it would."""
    weight, bias, mean, variance, gain, offset = cast(
        Sequence[Tensor],
        (layer.weight, layer.bias, norm.running_mean, norm.running_var, norm.weight, norm.bias),
    )
    scale = gain / (variance + cast(float, norm.eps)).sqrt()
    out_axis = 1 if isinstance(layer, DoublingConvolution) else 0
    weight.mul_(scale.view([-1 if axis == out_axis else 1 for axis in range(weight.ndim)]))
    bias.copy_((bias - mean) * scale + offset)


def _export(
    network: nn.Module, taken: Mapping[str, Tensor], given: Sequence[str], file: Path | str, half: bool,
    described: Mapping[str, str], free: Mapping[str, Mapping[int, Any]] = MappingProxyType({}),
) -> Path:
    """Trace a network, check its graph, and write it; axes of `free`, and the first of every input, have any length."""
    if not can_export():
        raise ValueError(
            f"writing ONNX needs the packages {' and '.join(PACKAGES)}, which are not installed; they come with: "
            "pip install -c constraints.txt -e '.[onnx]'"
        )
    import onnx  # lazily: half a second, and an extra

    batch = torch.export.Dim("batch")
    with _quiet():
        program = torch.onnx.export(
            network.eval(), tuple(taken.values()), input_names=list(taken), output_names=list(given),
            dynamic_shapes=tuple({0: batch, **free.get(name, {})} for name in taken),
            opset_version=OPSET, dynamo=True, external_data=False, verbose=False,
        )
    graph = cast(Any, program).model_proto
    if half:
        _halve(graph)
    graph.producer_name = "pairvae_lib"
    for key, value in described.items():
        graph.metadata_props.add(key=key, value=value)
    for node in graph.graph.node:  # where on this machine every node was traced from
        del node.metadata_props[:]
    onnx.checker.check_model(graph, full_check=True)
    with replacing(Path(file)) as target:
        target.write(graph.SerializeToString())
    return Path(file)


def _halve(model: Any) -> None:
    """Store the weights of a graph in 16 bits, each with a node that widens it again."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < SMALL:
            continue
        name, values = weight.name, numpy_helper.to_array(weight)
        if not np.abs(values).max() <= np.finfo(np.float16).max:
            raise ValueError(
                f"weights must lie within {np.finfo(np.float16).max:g} to be stored in 16 bits; {name} has "
                f"{np.abs(values).max():g}: export with half=False"
            )
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], name=f"widen {name}", to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of its own making: deprecations inside torch, packages that we do not use."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
