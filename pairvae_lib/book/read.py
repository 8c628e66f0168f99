"""The built book, served to a browser on this machine: pages that are served load what pages on a disk may not."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pairvae_lib.checks import MissingResult
from pairvae_lib.files.runs import project_root


def built_book() -> Path:
    """The folder of the built book; MissingResult if there is none."""
    folder = project_root() / "_build" / "html"
    if not (folder / "index.html").is_file():
        raise MissingResult(folder / "index.html", "make book")
    return folder


def book_server(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """A server of a folder to this machine alone, not yet at work; port 0: one that is free."""
    return ThreadingHTTPServer(("localhost", port), partial(_Quiet, directory=folder))


class _Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a line for every one of them."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""
