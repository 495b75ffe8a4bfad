"""How many instructions does one call take? No busy machine disturbs this figure, so it guards against slow-down."""

import json
import os
import platform
import re
import shutil
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from benchmarks.rounds import run

BASELINE = Path(__file__).with_name("baseline.json")
TOLERANCE = 0.03
_FEW, _MANY = 50, 250
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)
_MATTERS = ("aiohttp", "httpx2", "orjson", "cedarpy", "cryptography", "jsonschema-rs", "opentelemetry-api")


def missing() -> str:
    """Say why instructions cannot be counted here, if they cannot."""
    absent = [tool for tool in ("valgrind", "callgrind_control") if shutil.which(tool) is None]
    return f"{absent[0]} is not installed here, so no instructions were counted" if absent else ""


def per_call(names: Sequence[str], url: str, said: Callable[[str], None]) -> dict[str, int]:
    """Count the instructions of one call of each client; the difference of two runs leaves out what starting takes."""
    said(f"counting the instructions of {', '.join(names)}: this takes minutes")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {(name, calls): pool.submit(_counted, name, url, calls) for name in names for calls in (_FEW, _MANY)}
        total = {key: run.result() for key, run in runs.items()}
    return {name: round((total[name, _MANY] - total[name, _FEW]) / (_MANY - _FEW)) for name in names}


def _counted(name: str, url: str, calls: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        watch = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}", "--quiet"]
        run(["repeat", name, url, str(calls), "--counted"], before=watch)
        total = _TOTAL.search(out.read_text())
        if total is None:
            raise RuntimeError(f"callgrind counted nothing for {name}")
        return int(total[1])


def setting() -> dict[str, str]:
    """Name what a count depends on besides our code."""
    facts = {"python": platform.python_version(), "machine": platform.machine(), "abi": sysconfig.get_platform()}
    return facts | {name: version(name) for name in _MATTERS}


def keep(counts: Mapping[str, int]) -> None:
    BASELINE.write_text(json.dumps({"setting": setting(), "instructions": dict(counts)}, indent=2) + "\n")


def compare(counts: Mapping[str, int]) -> tuple[bool, list[str]]:
    """Compare with the baseline; False where a count is more than 3 % above."""
    if not BASELINE.exists():
        return True, ["there is no baseline; `--keep` writes one"]
    known = json.loads(BASELINE.read_text())
    if known["setting"] != setting():
        moved = [f"{name} {known['setting'].get(name)}, here {value}" for name, value in setting().items()
                 if known["setting"].get(name) != value]  # fmt: skip
        return True, [f"not compared, the baseline was taken with {'; '.join(moved)}"]
    good, lines = True, []
    for name, count in counts.items():
        before = known["instructions"].get(name)
        if before is None:
            continue
        change = count / before - 1
        held = change <= TOLERANCE
        good = good and held
        lines.append(
            f"{name}: {count:,} instructions a call, {change:+.1%} of {before:,}: {'held' if held else 'MORE'}"
        )
    return good, lines
