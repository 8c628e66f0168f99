from __future__ import annotations

from threading import Thread
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from pairvae_lib.book.read import book_server


def test_the_book_is_served_to_this_machine_on_a_free_port(tmp_path):
    (tmp_path / "index.html").write_text("<h1>The book</h1>")
    with book_server(tmp_path) as server, book_server(tmp_path) as other:
        assert server.server_address[0] == "127.0.0.1" and server.server_port != other.server_port
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://localhost:{server.server_port}"
        with urlopen(f"{address}/") as page:
            assert page.read() == b"<h1>The book</h1>"
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{address}/nothing.html")
        server.shutdown()
