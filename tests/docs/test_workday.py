"""Does the tour of the page on Workday run, and are its settings ones that can be written?"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from isthmus.connectors.workday import Workday, WorkdaySettings

PAGE = Path(__file__).parents[2] / "docs/connectors/workday.md"


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
    *people, complete, status = done.stdout.splitlines()
    assert len(people) == 2
    assert any(line.startswith("Ref(token='ref_") for line in people)
    assert (complete, status) == ("False", "In Progress")


def test_the_settings_that_the_page_shows_are_taken():
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    told = tomllib.loads(block)["connections"]["hr-eu"]["settings"]
    assert Workday("hr-eu", WorkdaySettings.model_validate(told))
