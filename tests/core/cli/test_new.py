"""Does `new connector` write a package that is right as it stands, and refuse names that could not work?"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.core.cli import main

LONGEST = "a_desk_with_a_longer_nam"


def written(folder: Path, name: str) -> Path:
    target = folder / "package"
    assert main(["new", "connector", name, "--folder", str(target), "--json"]) == 0
    return target


def run(folder: Path, *command: str) -> None:
    environ = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_passes_its_own_tests(tmp_path: Path) -> None:
    run(written(tmp_path, "acme_desk"), "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio")


@pytest.mark.parametrize("name", ["acmedesk", "x", LONGEST])
def test_the_package_is_formatted_and_clean(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, name)
    run(folder, "ruff", "check", "--no-cache")
    run(folder, "ruff", "format", "--check", "--no-cache")


def test_the_package_is_typed(tmp_path: Path, typed: Path) -> None:
    run(written(tmp_path, "acmedesk"), "mypy", "--strict", "--cache-dir", str(typed))


def test_tells_what_was_written_and_what_is_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path, "zeta_desk")
    told = json.loads(capsys.readouterr().out)
    there = sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())
    assert told["written"] == there
    assert len(told["next"]) == 3
    everything = "".join(one + (folder / one).read_text() for one in there).casefold()
    assert "acme" not in everything
    assert (folder / "src/isthmus_zeta_desk/py.typed").exists()
    assert 'kind = "zeta_desk"' in (folder / "src/isthmus_zeta_desk/__init__.py").read_text()


@pytest.mark.parametrize(
    "name",
    ["", "3x", "x-y", "X", "ACME", "x y", "x/y", "../x", "x.y", "ä", "x__y", "_x", "x_", "x" * 25, "class", "match"],
)
def test_a_name_that_is_none_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "connector", name]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: `isthmus new connector` takes ")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["salesforce", "mcp", "sandbox", "isthmus", "core", "testing"])
def test_a_name_that_isthmus_uses_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "connector", name]) == 2
    assert "neither Python nor isthmus uses" in capsys.readouterr().err


def test_a_folder_that_is_there_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "isthmus-acme-desk").mkdir()
    assert main(["new", "connector", "acme_desk"]) == 2
    assert "isthmus-acme-desk is already there" in capsys.readouterr().err
    assert list((tmp_path / "isthmus-acme-desk").iterdir()) == []
