"""Do the import contracts hold, and does each one catch the violation it is there for?"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (
    *("residency/src", "core/src", "connectors/salesforce/src", "connectors/servicenow/src", "connectors/sap/src"),
    *("connectors/openapi/src", "connectors/workday/src", "plugins/mcp/src", "plugins/sandbox/src"),
)

SEEDS = {
    "layers": ("residency/src/isthmus/residency/forms.py", "import isthmus.core.errors"),
    "connectors-independent": (
        "connectors/salesforce/src/isthmus/connectors/salesforce/settings.py",
        "import isthmus.connectors.other",
    ),
    "plugins-independent": ("plugins/sandbox/src/isthmus/plugins/sandbox/clock.py", "import isthmus.plugins.mcp"),
    "connectors-through-core": (
        "connectors/salesforce/src/isthmus/connectors/salesforce/settings.py",
        "import isthmus.residency",
    ),
    "mcp-sdk": ("core/src/isthmus/core/nearest.py", "import mcp"),
    "residency-pure": ("residency/src/isthmus/residency/forms.py", "import sqlite3"),
}


RUN = """
import sys
root, *sources = sys.argv[1:]
# The installed house leads back to the real tree; only what is asked about may be seen.
sys.path[:] = [*sources, *(one for one in sys.path if not one.startswith(root) or ".venv" in one)]
from importlinter.cli import lint_imports
raise SystemExit(lint_imports(no_cache=True))
"""


def lint(folder: Path) -> tuple[int, str]:
    sources = [str(folder / source) for source in SOURCES]
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(ROOT), *sources], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for source in SOURCES:
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    other = tmp_path / "connectors/salesforce/src/isthmus/connectors/other"
    other.mkdir()
    (other / "__init__.py").write_text('"""Another connector."""\n')
    return tmp_path


def test_every_contract_is_kept():
    code, said = lint(ROOT)
    assert code == 0, said


@pytest.mark.parametrize("contract", SEEDS)
def test_a_seeded_violation_is_caught(copy: Path, contract: str):
    file, line = SEEDS[contract]
    seeded = copy / file
    seeded.write_text(seeded.read_text() + f"\n{line}\n")
    code, said = lint(copy)
    assert code != 0
    assert "BROKEN" in said, said


def test_every_contract_has_a_seed():
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert {one["id"] for one in settings["tool"]["importlinter"]["contracts"]} == set(SEEDS)
