"""The house: rooms in one order; a room imports only from rooms before it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[1] / "pairvae_lib"
ROOMS = ("config", "checks", "files", "morphology", "data", "figures", "models")
ROOMS += ("assessment", "claims", "bundles", "book", "cli")


def modules() -> dict[str, Path]:
    """Every module of the library by its dotted name without the package's."""
    found = {}
    for path in LIBRARY.rglob("*.py"):
        parts = path.relative_to(LIBRARY).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        if name:
            found[name] = path
    return found


MODULES = modules()


def imports(path: Path) -> set[str]:
    """Modules of the library that a file imports, at its top or inside its functions."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import hides where it leads"
            named |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    inner = {name.removeprefix("pairvae_lib.") for name in named if name.startswith("pairvae_lib.")}
    return {name for name in inner if name in MODULES}


def room(module: str) -> str:
    return module.split(".")[0]


def test_every_room_has_its_place():
    assert {room(module) for module in MODULES} == set(ROOMS)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_its_room_and_rooms_before_it(module):
    later = {other for other in imports(MODULES[module]) if ROOMS.index(room(other)) > ROOMS.index(room(module))}
    assert not later


def test_there_are_no_circles():
    graph = {module: imports(path) for module, path in MODULES.items()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module not in done:
            for other in graph[module]:
                visit(other, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_tests_lie_in_the_rooms_of_what_they_test():
    tests = Path(__file__).parent
    folders = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}
    rooms = {folder for folder in folders if folder.parts and folder.parts[0] not in ("benchmarks", "browser")}
    assert all((LIBRARY / folder / "__init__.py").is_file() for folder in rooms)
    assert {folder.parts[0] for folder in rooms} == {room(module) for module in MODULES if (LIBRARY / module).is_dir()}


def test_no_module_is_a_drawer_for_leftovers():
    assert not {part for module in MODULES for part in module.split(".")} & {"utils", "helpers", "common", "misc"}
