"""Do the blocks of the page on bulk, files and actions run, one after the other?"""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/bulk.md"


def test_the_page_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 6
    code = "\n".join([*blocks, "sandbox.__exit__(None, None, None)"])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    people, *changed, loaded, file, actions, ordered = done.stdout.splitlines()
    assert int(people.split()[0]) > 10
    assert sum(int(line.split()[0]) for line in changed) > 10
    assert loaded == "0 300 lines, 0 not written"
    assert file == "report.txt 13 Pump 7 drips."
    assert "'order'" in actions
    assert "itsm-" in ordered
