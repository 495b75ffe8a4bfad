"""What do the blocks of a page print?"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def printed(tmp_path: Path) -> Callable[..., list[str]]:
    """Run a page's blocks of Python, so many as there must be, then more lines; return what they print, by lines."""

    def run(page: str, blocks: int, *more: str) -> list[str]:
        found = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)
        assert len(found) == blocks
        command = [sys.executable, "-W", "error", "-c", "\n".join([*found, *more])]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run
