"""Small results as files."""

import json

import numpy as np
import pytest

from pairvae_lib.checks import DataError
from pairvae_lib.files.arrays import compact, read_arrays, rounded, write_arrays, write_json


def test_json_is_written_whole(tmp_path):
    write_json(tmp_path / "new" / "a.json", {"a": [1, 2]})
    assert json.loads((tmp_path / "new" / "a.json").read_text()) == {"a": [1, 2]}


def test_a_list_of_numbers_is_one_line_and_strict_json(tmp_path):
    content = {"rows": [{"values": [1.5, None, "a, b"], "none": []}], "nested": [[1, 2], [3]]}
    write_json(tmp_path / "a.json", content)
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == content
    assert '"values": [1.5, null, "a, b"]' in text
    with pytest.raises(ValueError, match="Out of range float values"):
        write_json(tmp_path / "a.json", {"value": float("nan")})
    assert (tmp_path / "a.json").read_text() == text  # what was there is still there


def test_arrays_come_back(tmp_path):
    arrays = {"mask": np.eye(3, dtype=bool), "names": np.array(["a", "bc"])}
    arrays |= {"r": np.arange(3) / 3, "s2": np.ones((2, 2)) / 3}
    arrays |= {"pictures": np.random.default_rng(0).random((2, 3, 3)), "maps": np.full((2, 2, 2), 1.5)}
    write_arrays(tmp_path / "new" / "a.npz", compact(arrays))
    found = read_arrays(tmp_path / "new" / "a.npz")
    assert {name: values.dtype.str[1:] for name, values in found.items()} == {
        "mask": "b1", "names": "U2", "r": "f8", "s2": "f2", "pictures": "f4", "maps": "f2"
    }  # curves are halved, axes are not
    for name, values in arrays.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(found[name], values, rtol=1e-3, atol=0.5 / 255 if name == "pictures" else 0)
        else:
            np.testing.assert_array_equal(found[name], values)
    (tmp_path / "broken.npz").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="broken.npz: 1 problem\n  - not a file of arrays, or a broken one"):
        read_arrays(tmp_path / "broken.npz")
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "none.npz")


def test_numbers_are_rounded_to_digits_and_what_is_undefined_is_none():
    values = {"a": np.array([1.23456789, np.nan]), "b": {"c": np.array([[123456.7]])}}
    assert rounded(values) == {"a": [1.23457, None], "b": {"c": [[123457.0]]}}
    assert rounded(values["a"], 2) == [1.2, None]
