"""Do the blocks of the page for programs run, one after the other?"""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/programs.md"


def test_the_page_for_programs_runs(tmp_path: Path):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(blocks) == 3
    code = "\n".join([*blocks, "sandbox.__exit__(None, None, None)", "print(note.id, made['id'])"])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    *shown, encoded, ids = done.stdout.splitlines()
    assert len(shown) == 3
    assert all("Ref(token='ref_" in line for line in shown)
    assert "ref_" in encoded
    assert "@" not in encoded
    assert len(ids.split()) == 2
