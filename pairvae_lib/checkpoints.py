"""Files of a training in progress or done: written whole or not at all, read without executing anything."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pairvae_lib.files import CannotWrite, replacing

FORMAT = 1


def state_digest(module: nn.Module) -> str:
    """Sixteen hexadecimal digits of a module's parameters and buffers, bit for bit."""
    digest = sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def save_checkpoint(path: Path, made_with: dict[str, Any], content: dict[str, Any]) -> None:
    """Write tensors and plain values to `path` atomically: a reader sees the old file or the new one.

    Parameters
    ----------
    path : Path
        Its folder is made when needed.
    made_with : dict
        Everything that determines the content; `load_checkpoint` compares it.
    content : dict
        Tensors, state dicts, numbers, strings, lists and dicts of them.

    Raises
    ------
    CannotWrite
        If the folder cannot be written or the disk is full; an older file at `path` is left as it was.
    """
    try:
        with replacing(path) as file:
            torch.save({"format": FORMAT, "made_with": made_with, **content}, file)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        raise CannotWrite(f"cannot write checkpoint {path}: {error}; what was there before is kept") from error


def load_checkpoint(path: Path, made_with: dict[str, Any]) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote with the same `made_with`.

    Raises
    ------
    ValueError
        If the file is not readable as such, is of another format, or was made with other settings (named).
    """
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        found_format, found = content["format"], content["made_with"]
    except OSError:
        raise
    except Exception as error:  # a broken file raises anything
        message = f"{path} must be a checkpoint of this project; got {error!r}. Remove it to start anew"
        raise ValueError(message) from None
    if found_format != FORMAT:
        raise ValueError(f"{path} must be of format {FORMAT}; got {found_format!r}. Remove it to start anew")
    different = [
        f"{key} {found.get(key)!r} instead of {made_with.get(key)!r}"
        for key in sorted(found.keys() | made_with.keys())
        if found.get(key) != made_with.get(key)
    ]
    if different:
        raise ValueError(f"{path} was made with other settings: {'; '.join(different)}. Remove it to start anew")
    return content
