"""The parameters cell of a chapter: which names it declares, and whether what a user gives fits them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from pairvae_lib.runs import SIMULATED, Run

Value = int | float | str | bool | None

_KINDS: Mapping[str, type] = {"int": int, "float": float, "str": str, "bool": bool}
_BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell.

    Parameters
    ----------
    name : str
        As in the notebook.
    kind : type
        int, float, str or bool.
    optional : bool
        Whether it may be None.
    default : int, float, str, bool or None
        What the notebook says.
    """

    name: str
    kind: type
    optional: bool
    default: Value

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        words = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}
        return words[self.kind] + (" or none" if self.optional else "")

    def value(self, given: str) -> Value:
        """What a user has typed, as a value of this parameter."""
        if self.optional and given.lower() == "none":
            return None
        try:
            return _BOOLEANS[given.lower()] if self.kind is bool else self.kind(given)
        except (ValueError, KeyError):
            raise ValueError(f"{self.name} must be {self.expected}; got {given!r}") from None


def declared_parameters(notebook: NotebookNode) -> dict[str, Parameter]:
    """The parameters that a notebook declares, by name."""
    cells = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    if len(cells) != 1:
        raise ValueError(f"a chapter must have one cell tagged 'parameters'; got {len(cells)}")
    return {item.name: item for item in map(_declared, ast.parse(cells[0]).body)}


def parsed_parameters(declared: Mapping[str, Parameter], given: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """Values of the parameters that a user has given; `data` becomes an absolute path.

    Parameters
    ----------
    declared : mapping of str to Parameter
        What the chapter declares.
    given : iterable of (name, text)
        What the user has typed.
    """
    values: dict[str, Value] = {}
    for name, text in given:
        if name not in declared:
            known = ", ".join(other for other in declared if other != "profile")  # that one is an option of its own
            raise ValueError(f"there is no parameter {name!r} (given: {text!r}); known here: {known}")
        if name in values:
            raise ValueError(f"parameter {name!r} is given twice: {values[name]!r} and {text!r}")
        values[name] = declared[name].value(text)
    if isinstance(data := values.get("data"), str) and data != SIMULATED:
        values["data"] = str(Path(data).resolve())  # a notebook works in another folder than its caller
    return values


def _declared(line: ast.stmt) -> Parameter:
    """The parameter that one line of the cell declares."""
    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None:
        name, annotation = line.target.id, ast.unparse(line.annotation)
    elif isinstance(line, ast.Assign) and len(line.targets) == 1 and isinstance(line.targets[0], ast.Name):
        name, annotation = line.targets[0].id, ""
    else:
        raise ValueError(f"a parameter must be declared as 'name: type = value'; got {ast.unparse(line)!r}")
    assert line.value is not None
    try:
        default: Value = ast.literal_eval(line.value)
    except ValueError:
        raise ValueError(f"the value of parameter {name!r} must be a constant; got {ast.unparse(line)!r}") from None
    # The parameters of a run have the types that `Run` states, with or without an annotation in the notebook.
    annotation = annotation or str(Run.__annotations__.get(name, type(default).__name__))
    kinds = [word.strip() for word in annotation.split("|")]
    known = [kind for kind in kinds if kind in _KINDS]
    if len(known) != 1 or set(kinds) - {known[0], "None"}:
        raise ValueError(f"parameter {name!r} must have one of the types {', '.join(_KINDS)}; got {annotation!r}")
    return Parameter(name, _KINDS[known[0]], "None" in kinds, default)
