"""Do the blocks of the page on typed models run, one after the other, and does a type-checker accept them?"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/models.md"


def ran(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_on_typed_models_runs(tmp_path: Path, typed: Path):
    blocks = re.findall(r"```(python|console)\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert [kind for kind, _ in blocks].count("console") == 2
    steps = []
    for kind, text in blocks:
        if kind == "console":
            words = shlex.split(text.removeprefix("$ isthmus "))
            text = f"from isthmus.core.cli import main\n\nassert main({words!r}) == 0\n"
        steps.append(text)
    (tmp_path / "page.py").write_text("\n".join([*steps, "sandbox.__exit__(None, None, None)\n"]))
    written, read, wrote, checked = ran(tmp_path, "-W", "error", "page.py").splitlines()
    assert "models.py" in written
    assert re.fullmatch(r"Ref\(token='ref_\w+'\) None", read)
    assert re.fullmatch(r"Low Ref\(token='ref_\w+'\) Ref\(token='ref_\w+'\)", wrote)
    assert checked == "models.py is up to date"
    ran(tmp_path, "-m", "mypy", "--strict", "--cache-dir", str(typed), "page.py")
