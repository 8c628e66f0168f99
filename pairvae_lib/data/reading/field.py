"""Packages of the field (fabio, h5py, hdf5plugin, pyFAI): optional, and imported when a file needs them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

INSTALL = "pip install -c constraints.txt -e '.[field]'"


def field_module(name: str, purpose: str) -> Any:
    """A module of the optional extra `field`.

    Parameters
    ----------
    name : str
        Dotted name of the module.
    purpose : str
        What it is needed for, for the message.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ValueError(f"{purpose} needs the package {package}; install it with: {INSTALL}") from error
