"""Is the front door what it says, and does nothing behind it touch the world?"""

import ast
import sys
from pathlib import Path

import isthmus.residency as residency

SOURCE = Path(residency.__file__).parent


def test_the_front_door_names_what_is_public_and_nothing_else():
    public = {
        name for name, value in vars(residency).items() if getattr(value, "__module__", "").startswith("isthmus.")
    }
    assert sorted(residency.__all__) == sorted({*public, "KNOWN_CLASSES", "UNKNOWN_COUNTRY"})


def test_nothing_but_the_pure_part_of_the_standard_library_is_imported():
    pure = {"collections", "dataclasses", "datetime", "difflib", "enum", "functools", "hashlib", "importlib", "json"}
    pure |= {"re", "tomllib", "types", "typing", "unicodedata"}
    for module in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= pure, module
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                assert (node.module or "").split(".")[0] in pure & sys.stdlib_module_names, module
