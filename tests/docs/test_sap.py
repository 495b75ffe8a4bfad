"""Does the tour of the page on SAP run, and show what the page says?"""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/connectors/sap.md"


def test_the_tour_of_the_sandbox_runs(tmp_path: Path):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    *people, amount = done.stdout.splitlines()
    assert len(people) == 2
    assert all(re.fullmatch(r"Ref\(token='ref_[a-z2-7]{16}'\)", line) for line in people)
    assert amount.startswith("{'result': ")
