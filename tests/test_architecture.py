"""The house: a module imports only from lower floors, or from a neighbour that is named here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[1] / "pairvae_lib"
LONGEST = 330  # lines

# A folder is one room. Within a room modules may import each other, but not in circles.
FLOORS = {
    0: {"config", "budgets", "checks", "files", "lags"},
    1: {"modality", "runs", "preprocessing", "scattering", "morphology", "order", "statistics", "splits", "baselines"}
    | {"layers", "losses", "checkpoints", "precision", "arithmetic"},
    2: {"records", "simulation", "reading", "pairs", "datasets", "model", "fitting", "chapters", "parameters"}
    | {"flow", "conditions", "sweeps", "shown", "study", "verdicts", "webpage"},
    3: {"pretraining", "training", "trained", "latents", "memorisation", "spectra", "thresholds"}
    | {"measures", "run_measures", "locking", "fetching", "inspection", "scaling", "measured", "comparisons"}
    | {"snapshots", "flow_training", "peers", "reference"},
    4: {"evaluation", "portraits", "generation", "bundle", "claims", "claims_page", "exporting", "exploration"}
    | {"kinds", "applying", "appraisal", "exhibits", "cards", "answers", "ensemble_errors", "flow_exploration"}
    | {"flow_assessment"},
    5: {"figures", "widgets", "ledger", "cli", "runner", "bookbuild", "publishing", "model_publishing"}
    | {"producing", "ensemble_files", "reports", "watching", "applications", "bookpages", "cover", "laboratory"}
    | {"contest"},
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
# Arrows within a floor that are obvious.
NEIGHBOURS = {
    ("budgets", "config"),
    ("applications", "watching"),
    ("laboratory", "cli"),
    ("laboratory", "producing"),
    ("flow", "conditions"),
    ("shown", "records"),
    ("study", "records"),
    ("datasets", "reading"),
    ("datasets", "pairs"),
    ("trained", "pretraining"),
    ("trained", "training"),
    ("trained", "snapshots"),
    ("snapshots", "training"),
    ("memorisation", "training"),
    ("portraits", "evaluation"),
    ("ensemble_errors", "evaluation"),
    ("flow_assessment", "answers"),
    ("flow_assessment", "ensemble_errors"),
    ("flow_assessment", "evaluation"),
    ("measured", "comparisons"),
    ("appraisal", "ensemble_errors"),
    ("appraisal", "flow_assessment"),
    ("kinds", "answers"),
    ("kinds", "evaluation"),
    ("kinds", "flow_assessment"),
    ("bundle", "kinds"),
    ("applying", "bundle"),
    ("applying", "kinds"),
    ("applying", "generation"),
    ("appraisal", "bundle"),
    ("appraisal", "evaluation"),
    ("exhibits", "bundle"),
    ("exhibits", "kinds"),
    ("exhibits", "evaluation"),
    ("cards", "bundle"),
    ("cards", "kinds"),
    ("cards", "evaluation"),
    ("cards", "appraisal"),
    ("cards", "ensemble_errors"),
    ("cli", "producing"),
    ("cli", "watching"),
    ("watching", "ensemble_files"),
    ("cli", "reports"),
    ("cli", "ensemble_files"),
    ("run_measures", "measures"),
    ("claims_page", "claims"),
    ("cli", "ledger"),
    ("cli", "runner"),
    ("cli", "bookbuild"),
    ("cli", "publishing"),
    ("cli", "contest"),
    ("contest", "publishing"),
    ("publishing", "runner"),
    ("publishing", "model_publishing"),
    ("cli", "model_publishing"),
    ("widgets", "figures"),
    ("exploration", "exporting"),
    ("flow_exploration", "exploration"),
    ("flow_exploration", "exporting"),
    ("bookbuild", "bookpages"),
    ("bookbuild", "publishing"),
    ("cover", "figures"),
    ("cover", "ledger"),
    ("cover", "widgets"),
    ("cli", "cover"),
    ("reports", "figures"),
    ("reports", "widgets"),
}


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


def test_every_room_has_a_floor():
    assert {room(module) for module in MODULES} <= set(FLOOR)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_lower_floors(module):
    for other in imports(MODULES[module]):
        allowed = (
            room(other) == room(module)
            or FLOOR.get(room(other), 9) < FLOOR.get(room(module), 9)
            or (room(module), room(other)) in NEIGHBOURS
        )
        assert allowed, f"{module} (floor {FLOOR.get(room(module))}) imports {other} (floor {FLOOR.get(room(other))})"


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


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_can_be_held_in_mind(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_no_module_is_a_drawer_for_leftovers():
    assert not {part for module in MODULES for part in module.split(".")} & {"utils", "helpers", "common", "misc"}
