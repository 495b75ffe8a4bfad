"""What is compared with what, and where are the bars?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import instructions
from benchmarks.report import Bar, Report, cpu, growth, rate
from benchmarks.rounds import interleaved, page_server

Said = Callable[[str], None]
_BLOCKING = "isthmus, blocking"


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: `rounds`, `seconds` a load, `rows` to page through; `folder` is on the journal's disk."""

    rounds: int
    seconds: float
    rows: int
    folder: Path


def reads(report: Report, effort: Effort, said: Said) -> None:
    """One record of 2 KB, by 1, 32 and 256 callers."""
    loads = ["--seconds", str(effort.seconds), "--loads", "1", "32", "256"]
    names = ["aiohttp", "bare", "simple-salesforce", "isthmus", _BLOCKING]
    with page_server(1) as url:
        found = interleaved({name: ["read", name, url, *loads] for name in names}, effort.rounds, said)
    report.samples("one record of 2 KB", found)
    ours, theirs, peer = ("isthmus", 32), ("bare", 32), ("simple-salesforce", 32)
    report.bars += [
        Bar("governed read, 32 callers: CPU over bare's", found.ratio(ours, theirs, cpu), most=1.3, goal="0.6"),
        Bar("governed read, 32 callers: calls/s over simple-salesforce's", found.ratio(ours, peer, rate), least=2.0),
        Bar("blocking face, 32 threads: calls/s over async's", found.ratio((_BLOCKING, 32), ours, rate), least=0.85),
    ]


def bulk(report: Report, effort: Effort, said: Said) -> None:
    """Many records of 13 fields, page by page."""
    names = ["aiohttp", "bare", "simple-salesforce", "isthmus"]
    rows = str(effort.rows)
    with page_server(effort.rows) as url:
        found = interleaved({name: ["page", name, url, rows] for name in names}, effort.rounds, said)
    report.samples(f"{effort.rows:,} records, paged", found)
    ours, peer = ("isthmus", 1), ("simple-salesforce", 1)
    report.bars += [
        Bar("paging: records/s over simple-salesforce's", found.ratio(ours, peer, rate), least=3.0),
        Bar("paging: memory grown from a tenth to all", found.of("isthmus", 1, growth), most=5.0, unit="MB"),
    ]


def export(report: Report, effort: Effort, said: Said) -> None:
    """All records of a condition: by a bulk job through the whole passage, against plain paging."""
    names = ["aiohttp", "aiohttp, job", "simple-salesforce", "export"]
    rows = str(effort.rows)
    with page_server(effort.rows) as url:
        found = interleaved({name: ["page", name, url, rows] for name in names}, effort.rounds, said)
    report.samples(f"{effort.rows:,} records, exported", found)
    ours, peer = ("export", 1), ("simple-salesforce", 1)
    report.bars += [
        Bar("export: records/s over simple-salesforce's query_all_iter", found.ratio(ours, peer, rate), least=4.0),
        Bar("export: simple-salesforce's CPU a record over ours", found.ratio(peer, ours, cpu), least=4.0),
        Bar("export: memory grown from a tenth to all", found.of("export", 1, growth), most=10.0, unit="MB"),
    ]


def journal(report: Report, effort: Effort, said: Said) -> None:
    """Durable records, against sqlite3 batches of 32 and the disk itself."""
    seconds, folder = ["--seconds", str(effort.seconds)], str(effort.folder)
    many = ["--loads", "1", "32", "256"]
    contestants = {name: ["record", name, folder, *seconds, "--loads", "1"] for name in ("fdatasync", "sqlite3")}
    contestants |= {name: ["record", name, folder, *seconds, *many] for name in ("journal", "journal, a read's entry")}
    found = interleaved(contestants, effort.rounds, said)
    report.samples("durable records", found)
    ours, theirs, disk = ("journal", 32), ("sqlite3", 32), ("fdatasync", 1)
    report.bars += [
        Bar("journal, 32 callers: CPU a record", found.of("journal", 32, cpu), most=40.0, unit="us"),
        Bar("journal, 32 callers: records/s over sqlite3 batches'", found.ratio(ours, theirs, rate), least=0.6),
        Bar("journal, 32 callers: records/s over fdatasync's", found.ratio(ours, disk, rate), least=10.0),
    ]


def count(report: Report, effort: Effort, said: Said) -> dict[str, int]:
    """Instructions of one call by one caller; empty where they cannot be counted."""
    del effort
    if reason := instructions.missing():
        report.notes.append(reason)
        return {}
    with page_server(1) as url:
        counts = instructions.per_call(("bare", "isthmus"), url, said)
    report.notes += [f"{name}: {number:,} instructions a call" for name, number in counts.items()]
    report.bars.append(
        Bar("governed read, 1 caller: instructions over bare's", counts["isthmus"] / counts["bare"], most=1.7)
    )
    return counts


SUITES: dict[str, Callable[[Report, Effort, Said], object]] = {
    "reads": reads,
    "bulk": bulk,
    "export": export,
    "journal": journal,
}
