"""One kind of error for whatever a decoder of a broken file raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


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
