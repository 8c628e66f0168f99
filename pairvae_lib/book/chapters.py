"""The chapters as files: their texts, what they make and need, and what of the code they depend on."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pairvae_lib import config
from pairvae_lib.files.runs import Run, project_root

if TYPE_CHECKING:
    from nbformat import NotebookNode

PACKAGE = "pairvae_lib"


class Making(NamedTuple):
    """What a chapter makes: the attribute of `Run` that names it, the module that makes it, and from which chapters."""

    product: str
    maker: str
    needs: tuple[str, ...]


MAKINGS: Mapping[str, Making] = {
    "01_data": Making("data_folder", "data.simulation", ()),
    "02_preprocessing": Making("pairs_file", "data.folder", ("01_data",)),
    "03_solo_vae": Making("solo_file", "models.protocol", ("02_preprocessing",)),
    "04_pair_vae": Making("pair_file", "models.protocol", ("03_solo_vae",)),
    "05_evaluation": Making("errors_file", "assessment.errors", ("04_pair_vae",)),
    "06_generation": Making("generation_file", "models.latents", ("04_pair_vae",)),
    "10_applications": Making("flow_file", "models.flow.training", ("04_pair_vae",)),
}

# Chapters that make nothing for others and read less than all products.
READERS: Mapping[str, tuple[str, ...]] = {
    "07_your_data": ("04_pair_vae",),
    "08_beyond": (),  # what is published, and nothing else
}

# Rooms whose changes leave every number as it is: messages, paths, files.
_WITHOUT_NUMBERS = ("checks", "files")


def chapter_names() -> tuple[str, ...]:
    """Names of all chapters, in reading order."""
    return tuple(sorted(path.stem for path in _texts().glob("[0-9][0-9]_*.md")))


def chapter_named(given: str) -> str:
    """The chapter that `given` means: its name, its number, or the path of its text."""
    names = chapter_names()
    if given.endswith(".md") and Path(given).resolve().parent == _texts().resolve():
        given = Path(given).stem
    found = [name for name in names if given in (name, name.split("_")[0])]
    if len(found) != 1:
        raise ValueError(f"notebook must be one of {', '.join(names)}, or its number or text; got {given!r}")
    return found[0]


def text_file(name: str) -> Path:
    """The text of a chapter, which people edit."""
    return _texts() / f"{name}.md"


def paired_file(name: str) -> Path:
    """The committed notebook that is paired with the text."""
    return project_root() / "notebooks" / f"{name}.ipynb"


def chapter_text(name: str) -> NotebookNode:
    """The text of a chapter as a notebook without outputs."""
    import jupytext  # lazily: two seconds, which every command would take

    notebook = jupytext.read(text_file(name))
    notebook.metadata.setdefault("kernelspec", {"name": "python3", "display_name": "Python 3", "language": "python"})
    return notebook


def product(run: Run, name: str) -> Path | None:
    """What a chapter writes, or None if it writes nothing that another chapter reads."""
    return getattr(run, MAKINGS[name].product) if name in MAKINGS else None


def needs(name: str) -> tuple[str, ...]:
    """Chapters whose products a chapter reads; one that is not listed may read any earlier one's."""
    if name in MAKINGS:
        return MAKINGS[name].needs
    return READERS.get(name, tuple(earlier for earlier in MAKINGS if earlier < name))


def upstream(name: str) -> tuple[str, ...]:
    """All chapters that must have run before a chapter, in order."""
    found: dict[str, None] = {}
    for needed in needs(name):
        found |= dict.fromkeys((*upstream(needed), needed))
    return tuple(found)


def with_prose(text: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """A chapter's text with the outputs of its executed code cells, so that new prose needs no new execution.

    Injected parameters are kept; ValueError if the code cells of the two differ.
    """
    from nbformat import NotebookNode

    if code_of(text) != code_of(executed):
        raise ValueError("the code of the text differs from the code that was executed")
    page = deepcopy(executed)
    groups, page.cells = iter(list(_executed_groups(page))), []
    for cell in deepcopy(text.cells):
        if cell.cell_type == "code":
            first, *injected = next(groups)
            noted = {key: value for key, value in first.metadata.items() if key in ("papermill", "execution")}
            first.metadata = NotebookNode(noted | cell.metadata)  # tags and words for pictures may be newer
            page.cells += [first, *injected]
        else:
            page.cells.append(cell)
    return page


def code_of(notebook: NotebookNode) -> list[str]:
    """Sources of the code cells, without the parameters that a run has injected."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "code" and not _is_injected(cell)]


def code_hash(name: str) -> str:
    """Changes when a code cell of the chapter changes, and not with its prose."""
    return _digest(code_of(chapter_text(name)))


def library_hash(name: str) -> str:
    """Changes when a module that the chapter uses changes; comments and docstrings do not count."""
    cells = [_python(source) for source in code_of(chapter_text(name))]
    used = _with_all_they_import(module for cell in cells for module in _imports(cell))
    return _digest(_statements(used))


def numbers_hash(name: str, profile: str) -> str:
    """Changes when the chapter's product may come out otherwise: with the code that makes it, and with the profile."""
    if name not in MAKINGS:
        raise ValueError(f"name must be one of {', '.join(MAKINGS)}; got {name!r}")
    used = _with_all_they_import([f"{PACKAGE}.{MAKINGS[name].maker}"])
    making = [module for module in used if module != config.__name__ and _room(module) not in _WITHOUT_NUMBERS]
    constants = {key: value for key, value in vars(config).items() if key.isupper() and isinstance(value, int | float)}
    settings = [repr(config.profile_named(profile)), repr(constants)]
    return _digest(_statements(making) + settings)


def _with_all_they_import(modules: Iterable[str]) -> list[str]:
    """Modules of the library, and all modules of the library that those import."""
    waiting, used = list(modules), set[str]()
    while waiting:
        module = waiting.pop()
        if module not in used:
            used.add(module)
            waiting += _read(module).imports
    return sorted(used)


def _statements(modules: Iterable[str]) -> list[str]:
    """All that is defined in some modules, wherever among them it stands."""
    return sorted(frozenset().union(*(_read(module).statements for module in modules)))


def _room(module: str) -> str:
    """The part of the library that a module lies in."""
    return module.removeprefix(f"{PACKAGE}.").split(".")[0]


def _texts() -> Path:
    """The folder of the texts."""
    return project_root() / "notebooks" / "text"


def _is_injected(cell: NotebookNode) -> bool:
    """Whether papermill put the cell there."""
    return "injected-parameters" in cell.metadata.get("tags", ())


def _executed_groups(executed: NotebookNode) -> Iterator[list[NotebookNode]]:
    """Every code cell, together with injected parameters that follow it."""
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    for index, cell in enumerate(code):
        if not _is_injected(cell):
            follower = code[index + 1 : index + 2]
            yield [cell, *(other for other in follower if _is_injected(other))]


def _digest(parts: list[str]) -> str:
    """A short hash of some texts."""
    return sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _python(source: str) -> ast.Module:
    """Syntax of a code cell; a magic line is no Python."""
    return ast.parse("\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))))


class _Module(NamedTuple):
    """What of a module matters here."""

    statements: frozenset[str]
    imports: list[str]


@cache
def _read(module: str) -> _Module:
    """A module's code without docstrings, comments and imports, and what it imports. Nothing is executed."""
    tree = _without_docstrings(_file(module).read_text(encoding="utf-8"))
    kept = (one for one in tree.body if not isinstance(one, ast.Import | ast.ImportFrom))
    return _Module(frozenset(map(ast.dump, kept)), _imports(tree))


def _without_docstrings(source: str) -> ast.Module:
    """Syntax of some code without what it says to a reader."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return tree


def _imports(tree: ast.Module) -> list[str]:
    """Modules of the library that some code imports, at its top or inside its functions."""
    named: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name`: the name is a module of the package, or something defined in it
            lazy = _lazily_loaded(node.module)
            named += [node.module, *(lazy.get(name, f"{node.module}.{name}") for name in (a.name for a in node.names))]
    return [name for name in named if name.split(".")[0] == PACKAGE and _file(name).is_file()]


@cache
def _lazily_loaded(package: str) -> dict[str, str]:
    """Of the names that a package of the library loads when they are used: their modules."""
    stub = _file(package).with_suffix(".pyi")
    if package.split(".")[0] != PACKAGE or not stub.is_file():
        return {}
    lines = [node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.name: f"{package}.{node.module}" for node in lines for alias in node.names}


def _file(module: str) -> Path:
    """Where a module of the library lies, if it is one."""
    path = Path(__file__).parents[2] / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
