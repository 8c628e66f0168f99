"""What decoders share: one kind of error for a broken file, and packages that are imported when a file needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

INSTALL = "pip install -c constraints.txt -e '.[field]'"


@contextmanager
def unreadable_as_value_error() -> Iterator[None]:
    """Turn whatever is raised into a ValueError with the reason alone: the caller knows the file, and collects them."""
    try:
        yield
    except FileNotFoundError as error:
        raise ValueError("is missing") from error
    except ValueError as error:
        raise ValueError(str(error) or "cannot be read") from error
    except Exception as error:  # decoders of broken files raise anything
        raise ValueError(f"cannot be read ({type(error).__name__}: {error})") from error


def field_module(name: str, purpose: str) -> Any:
    """A module of the optional extra `field` by its dotted name; `purpose` stands in the message if it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ValueError(f"{purpose} needs the package {package}; install it with: {INSTALL}") from error
