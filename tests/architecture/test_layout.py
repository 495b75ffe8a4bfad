"""Does the tree keep its own rules: sizes, names, namespaces and public surfaces?"""

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for path in ROOT.glob("*/src/**/*.py")) + sorted(ROOT.glob("*/*/src/**/*.py"))
LONGEST_MODULE = 400
LONGEST_FUNCTION = 50
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
PACKAGES = (
    "isthmus.residency",
    "isthmus.core",
    "isthmus.core.testing",
    "isthmus.connectors.salesforce",
    "isthmus.connectors.servicenow",
    "isthmus.connectors.sap",
    "isthmus.connectors.openapi",
    "isthmus.connectors.workday",
    "isthmus.plugins.mcp",
    "isthmus.plugins.sandbox",
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_short_and_says_what_it_is_for(path: Path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{name(path)} has no docstring"
    assert len(text.splitlines()) <= LONGEST_MODULE
    assert path.stem not in SAYS_NOTHING
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{name(path)}: {node.name} has {length} lines"


def test_namespaces_have_no_init():
    strays = [*ROOT.glob("**/src/isthmus/__init__.py"), *ROOT.glob("**/src/isthmus/connectors/__init__.py")]
    strays += ROOT.glob("**/src/isthmus/plugins/__init__.py")
    assert [name(one) for one in strays if ".venv" not in one.parts] == []


def test_every_portion_is_typed():
    portions = [
        one for one in (*ROOT.glob("*/pyproject.toml"), *ROOT.glob("*/*/pyproject.toml")) if ".venv" not in one.parts
    ]
    for portion in portions:
        module = tomllib.loads(portion.read_text())["tool"]["uv"]["build-backend"]["module-name"]
        assert (portion.parent / "src" / Path(*module.split(".")) / "py.typed").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_public_surface_is_small_sorted_and_there(package: str):
    module = importlib.import_module(package)
    assert list(module.__all__) == sorted(
        module.__all__, key=lambda one: (not one.isupper(), not one[0].isupper(), one)
    )
    assert all(hasattr(module, one) for one in module.__all__)
    assert len(module.__all__) <= 24


def test_each_name_the_plugins_use_leaves_through_a_package_front():
    inside = ("isthmus.core.journal.", "isthmus.core.http.", "isthmus.core.policy.", "isthmus.core.credentials.")
    for path in MODULES:
        if "/connectors/" in str(path) or "/plugins/" in str(path):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module:
                    assert not node.module.startswith(inside), f"{name(path)} reaches into {node.module}"
