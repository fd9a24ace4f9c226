"""What the contracts of `pyproject.toml` cannot say of the house: circles, attics, borders."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "npsle_app"
MOST_MODULES = 24
# imports of the app itself inside functions: file and module
LOCAL = {
    ("npsle_app/__main__.py", "npsle_app.cli.run"),  # threads are limited before numpy is there
    ("npsle_app/__main__.py", "npsle_app.cli.dry_run"),  # likewise
    ("npsle_app/__main__.py", "npsle_app.cli.batch"),  # likewise
    ("npsle_app/cli/dry_run.py", "npsle_app.cli.group"),  # a plan waits for no statistics
    ("npsle_app/cli/version.py", "npsle_app._version"),  # only a build has it
}

FILES = sorted(path.relative_to(ROOT) for path in (ROOT / PACKAGE).rglob("*.py"))
FOLDERS = sorted({path.parent for path in FILES})
WINGS = [folder for folder in FOLDERS if len(folder.parts) == 3]


def name_module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_module(path): path for path in FILES}


def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def list_imports(node: ast.AST) -> Iterator[str]:
    """Name what a statement imports: of `from a import b` both, for b may be a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def list_edges(path: Path) -> set[str]:
    """Name the modules of the app that a file imports anywhere, for its types alone too."""
    edges = set()
    for node in ast.walk(parse(path)):
        modules = [name for name in list_imports(node) if name in MODULES]
        # `from a import b` needs a's own text only where b is no module
        whole = isinstance(node, ast.ImportFrom) and len(modules) == len(node.names) + 1
        edges |= set(modules[1:] if whole else modules)
    return edges - {name_module(path)}


def find_circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return modules of which each imports the one before; nothing if there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


def test_no_two_files_import_each_other_by_whatever_way() -> None:
    graph = {name: list_edges(path) for name, path in MODULES.items()}
    assert sum(map(len, graph.values())) > len(MODULES)  # it does see imports
    assert find_circle(graph) == []


def test_a_circle_is_found() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert find_circle({"a": {"b", "c"}, "b": {"c"}}) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_no_folder_is_an_attic(folder: Path) -> None:
    modules = [path for path in FILES if path.parent == folder and path.stem != "__init__"]
    assert len(modules) <= MOST_MODULES, f"{folder} holds {len(modules)}: give an idea its folder"


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_each_folder_says_what_it_is(folder: Path) -> None:
    assert ast.get_docstring(parse(folder / "__init__.py"))


@pytest.mark.parametrize("wing", WINGS, ids=str)
def test_each_wing_says_what_enters_what_leaves_and_what_it_never_knows(wing: Path) -> None:
    text = ast.get_docstring(parse(wing / "__init__.py")) or ""
    said = [word for word in ("Enters: ", "Leaves: ", "ever know") if word in text]
    assert len(said) == 3, f"{wing} says only {said}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_imports_the_app_at_its_top(path: Path) -> None:
    tree = parse(path)
    inside = {
        (path.as_posix(), name)
        for node in ast.walk(tree)
        if node not in tree.body
        for name in list_imports(node)
        if name in MODULES and name != PACKAGE
    }
    assert inside <= LOCAL, "move it to the top, or say in LOCAL why it cannot stand there"


def test_each_exception_is_still_one() -> None:
    for file, module in LOCAL:
        names = {name for node in ast.walk(parse(Path(file))) for name in list_imports(node)}
        assert module in names
