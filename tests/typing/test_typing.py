"""Does a type-checker accept right calls of both faces, and reject wrong ones?"""

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def complaints(file: Path) -> set[tuple[int, str]]:
    """Return line and code of every error."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-warn-unused-ignores", str(file)]
    ran = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert not ran.stderr, ran.stderr
    found = re.findall(rf"{file.name}:(\d+): error: .*\[([\w-]+)\]", ran.stdout)
    assert ran.returncode == (1 if found else 0), ran.stdout
    return {(int(line), code) for line, code in found}


def test_right_calls_are_accepted() -> None:
    assert complaints(HERE / "accepted.py") == set()


def test_wrong_calls_are_rejected_each_for_its_reason() -> None:
    file = HERE / "rejected.py"
    wanted = {
        (number, code)
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if "# E: " in line
        for code in line.partition("# E: ")[2].split()
    }
    assert len(wanted) > 15
    assert complaints(file) == wanted
