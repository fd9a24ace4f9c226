"""Lock files hold what pyproject.toml asks for and nothing of their place; the wheel holds all.

The app runs on the libraries that it was promised to run on.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements-build.lock", "requirements.lock", "requirements-dev.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]
WANTED = {
    "requirements-build.lock": GROUPS["build"],
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-dev.lock": [name for name in GROUPS["dev"] if isinstance(name, str)],
}
# the library by the name that code imports
PROMISED = {
    "bids": "pybids",
    "nibabel": "nibabel",
    "dipy": "dipy",
    "ants": "antspyx",
    "numpy": "numpy",
    "pandas": "pandas",
    "sklearn": "scikit-learn",
    "pingouin": "pingouin",
    "jinja2": "jinja2",
}


def read(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


def pins(lock: str) -> list[tuple[str, str]]:
    return re.findall(r"^([\w.-]+)==([^ ;\\]+)", read(lock), flags=re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_is_asked_for(lock: str) -> None:
    pinned = dict(pins(lock))
    for wish in map(Requirement, WANTED[lock]):
        version = pinned.get(canonicalize_name(wish.name))
        assert version, f"{wish.name} is not in {lock}: run scripts/lock"
        assert version in wish.specifier, f"{lock} is out of date: run scripts/lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_a_hash_for_every_library_and_no_address(lock: str) -> None:
    libraries = re.split(r"^(?=\w)", read(lock), flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in library for library in libraries)
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links", read(lock))


@pytest.mark.parametrize("smaller", ["requirements-build.lock", "requirements.lock"])
def test_what_checks_runs_on_the_same_versions_as_what_ships(smaller: str) -> None:
    assert set(pins(smaller)) <= set(pins("requirements-dev.lock"))


def test_the_notice_names_every_library_of_the_image() -> None:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    packages = {line.split("==")[0] for line in lines if "==" in line and "win32" not in line}
    notice = set(re.split(r"[\s,()]+", (ROOT / "NOTICE").read_text("utf-8").lower()))
    assert packages <= notice, sorted(packages - notice)


def test_the_wheel_holds_every_file_of_data() -> None:
    packed = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    files = {f"npsle_app/data/{path.name}" for path in (ROOT / "npsle_app" / "data").iterdir()}
    assert files
    assert files <= packed, sorted(files - packed)


def imported(code: ast.AST) -> Iterator[str]:
    """Name the packages that code imports when it runs, at once or on first use."""
    for node in ast.iter_child_nodes(code):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
                yield from imported(ast.Module(body=otherwise, type_ignores=[]))
                continue
            case ast.Import(names=names):
                yield from (name.name.partition(".")[0] for name in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="lazy_loader"), attr="load"),
                args=[ast.Constant(value=str(module))],
            ):
                yield module.partition(".")[0]
        yield from imported(node)


@pytest.fixture(scope="module")
def used() -> set[str]:
    """What the app imports; the synthetic study, which stands beside it, does not count."""
    folder = ROOT / "npsle_app"
    files = [path for path in folder.rglob("*.py") if folder / "phantom" not in path.parents]
    return {name for path in files for name in imported(ast.parse(path.read_text("utf-8")))}


@pytest.mark.parametrize("package", PROMISED)
def test_a_promised_library_is_imported_and_installed_with_the_app(
    package: str, used: set[str]
) -> None:
    library = PROMISED[package]
    assert package in used, f"nothing in npsle_app imports {library} when it runs"
    declared = {canonicalize_name(Requirement(one).name) for one in WANTED["requirements.lock"]}
    assert library in declared, f"{library} belongs to the dependencies of pyproject.toml"


@pytest.mark.parametrize(
    "code",
    [
        "import dipy.align",
        "from dipy import io",
        "def f():\n import dipy",
        "lazy_loader.load('dipy')",
    ],
)
def test_imports_are_seen_wherever_they_stand(code: str) -> None:
    assert list(imported(ast.parse(code))) == ["dipy"]


def test_an_import_for_types_alone_is_none() -> None:
    code = "if TYPE_CHECKING:\n import dipy\nelse:\n import ants"
    assert list(imported(ast.parse(code))) == ["ants"]
