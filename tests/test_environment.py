"""One truth about versions: ranges in pyproject.toml, exact pins in constraints.txt, and environment.yml on top."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import pairvae_lib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = [
    Requirement(line)
    for line in [
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["book"],
        *PROJECT["optional-dependencies"]["onnx"],
        *PROJECT["optional-dependencies"]["field"],
        *PROJECT["optional-dependencies"]["test"],
    ]
]
CLUSTER = [Requirement(line) for line in PROJECT["optional-dependencies"]["cluster"]]  # not in `all`
PEERS = [Requirement(line) for line in PROJECT["optional-dependencies"]["peers"]]  # neither
OF_PEERS = {"dataclasses", "lightning-utilities", "multivae", "nltk", "pythae", "regex", "torchmetrics", "torchvision"}
PINS = {
    canonicalize_name(requirement.name): requirement
    for requirement in map(Requirement, re.findall(r"^[^#\n]+", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
}
TESTED_PYTHON = "3.11"
only_where_pinned = pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info[:2] != (3, 11), reason="the pins are of Linux and Python 3.11"
)


def pinned(name: str) -> Version:
    (pin,) = PINS[canonicalize_name(name)].specifier
    assert pin.operator == "=="
    return Version(pin.version)


def needed(requirement: Requirement, seen: set[str]) -> None:
    """Collect the names of all installed packages that a requirement stands for, with those of its extras."""
    name = canonicalize_name(requirement.name)
    for extra in {"", *requirement.extras}:
        if f"{name}[{extra}]" in seen:
            continue
        seen |= {name, f"{name}[{extra}]"}
        for line in distribution(name).requires or ():
            other = Requirement(line)
            if other.marker is None or other.marker.evaluate({"extra": extra}):
                needed(other, seen)


def test_every_pin_is_exact_and_of_no_special_build():
    for name, pin in PINS.items():
        assert [item.operator for item in pin.specifier] == ["=="], name
        assert pinned(name).local is None, name


@pytest.mark.parametrize("requirement", [*DIRECT, *CLUSTER, *PEERS], ids=lambda requirement: requirement.name)
def test_every_range_holds_its_pin(requirement):
    assert requirement.specifier.contains(pinned(requirement.name))


@only_where_pinned
def test_everything_that_is_needed_is_pinned_and_nothing_else():
    seen: set[str] = set()
    for requirement in DIRECT:
        needed(requirement, seen)
    for requirement in CLUSTER:
        try:
            needed(requirement, seen)
        except PackageNotFoundError:  # it brings one more package: a job's own part of it
            seen |= {name for name in PINS if name.startswith(requirement.name)}
    for requirement in PEERS:
        try:
            needed(requirement, seen)
        except PackageNotFoundError:
            seen |= OF_PEERS
    # What another platform's torch brings along (CUDA) is pinned by torch itself.
    names = {name for name in seen if "[" not in name and not name.startswith(("nvidia", "cuda", "triton"))}
    assert names == set(PINS)


def test_the_lock_of_the_installation_is_the_part_of_the_pins_before_the_extras():
    """`make` installs that part without asking for what each package needs."""
    locked, others = (ROOT / "constraints.txt").read_text().split("# Of the extras")
    assert {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", others, re.MULTILINE)} == OF_PEERS | {
        name for name in PINS if name.startswith(canonicalize_name(CLUSTER[0].name))
    }
    assert "torch==" in locked


@only_where_pinned
def test_what_is_installed_is_what_is_pinned():
    different = {}
    for name in PINS:
        try:
            installed = Version(version(name))
        except PackageNotFoundError:
            continue  # of another platform
        if Version(installed.public) != pinned(name):
            different[name] = str(installed)
    assert different == {}


def test_the_environment_file_follows_both():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    assert pip == ["-c constraints.txt", "-e .[all]"]
    packages = [item for item in environment["dependencies"] if isinstance(item, str)]
    assert f"python={TESTED_PYTHON}" in packages and "pip" in packages
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(TESTED_PYTHON)
    assert PROJECT["optional-dependencies"]["all"] == ["pairvae_lib[book,field,onnx,test]"]


def test_jupyter_book_is_of_version_1():
    assert "==" in str(next(item for item in DIRECT if item.name == "jupyter-book").specifier)
    assert pinned("jupyter-book").major == 1
    assert version("jupyter-book") == str(pinned("jupyter-book"))


def test_the_library_imports_only_what_it_declares():
    imported = set()
    for path in (ROOT / "pairvae_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    owners = packages_distributions()
    foreign = {name for name in imported - set(sys.stdlib_module_names) if name != "pairvae_lib"}
    declared = {canonicalize_name(item.name) for item in [*DIRECT, *PEERS]}
    undeclared = {
        name for name in foreign if not declared & {canonicalize_name(owner) for owner in owners.get(name, [name])}
    }
    assert undeclared == set()


def test_the_assets_are_locked_without_addresses_of_a_registry():
    web = ROOT / "book" / "web"
    wanted = json.loads((web / "package.json").read_text())["dependencies"]
    lock = json.loads((web / "package-lock.json").read_text())["packages"]
    assert wanted == {name: lock[f"node_modules/{name}"]["version"] for name in wanted}  # exact, not ranges
    assert all("resolved" not in package for package in lock.values())
    assert all("integrity" in package for path, package in lock.items() if path)


def test_the_citation_names_this_version_and_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == pairvae_lib.__version__ == version("pairvae_lib")
    assert citation["license"] == PROJECT["license"] == "MIT"
    bibliography = (ROOT / "book" / "references.bib").read_text()
    assert citation["preferred-citation"]["doi"] in bibliography
