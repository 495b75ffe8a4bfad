"""Is the audit log whole, and what does it say? Only leaves are shown: never a value, never a person's name."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter, validators

from isthmus.core.cli.checks import counted
from isthmus.core.cli.installation import configuration, journal_of, keys_of, unopened_journal
from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import complain, facts, short, show, table, waiting
from isthmus.core.errors import NotFound
from isthmus.core.records import JSON, QUALIFIER

if TYPE_CHECKING:
    from rich.table import Table

    from isthmus.core.journal import View
    from isthmus.core.journal.verify import Report

__all__ = ["about", "checkpoint", "erase", "register", "show_", "verify"]

Files = Annotated[tuple[Path, ...], Parameter(validator=validators.Path(exists=True, dir_okay=False))]
As = Annotated[str, Parameter(name="--as")]
Yes = Annotated[bool, Parameter(negative="")]
Leaf = Mapping[str, JSON]
DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{40,}")
CUT = 20


def register(app: App) -> None:
    """Add the commands."""
    group = App(name="audit", help="Verify and read the audit log.")
    group.command(verify)
    group.command(show_, name="show")
    group.command(checkpoint)
    group.command(about)
    group.command(erase)
    app.command(group)


def verify(
    *,
    checkpoint: Files = (),
    key: tuple[str, ...] = (),
    journal: Path | None = None,
    common: Common = DEFAULT,
) -> int:
    """Check that no entry was changed, removed or added; exit code 1 where one was, 2 where nothing can be said.

    Args:
        checkpoint: A signed checkpoint kept elsewhere, which the log must still contain.
        key: A verification key kept elsewhere, in place of this installation's own.
        journal: The file of a journal, in place of this installation's own.
    """
    from isthmus.core.journal.verify import Finding
    from isthmus.core.journal.verify import verify as check

    older = [one.read_text(encoding="utf-8", errors="replace") for one in checkpoint]
    keys, sealing, path = list(key), None, journal
    if not keys or path is None:
        config = configuration(common)
        path = path or config.state / "journal.db"
        if not keys:
            with keys_of(config) as ours:
                keys, sealing = [unopened_journal(config, ours).verification_key], ours.journal.sealing
    with waiting("verifying the audit log"):
        report = check(path, keys, older=older, sealing=sealing)
    if report.finding is Finding.UNUSABLE:
        sentence = f"{report.what}; nothing can be said about the log"
        complain(sentence, {"code": "unusable", "message": sentence, "retryable": False}, as_json=common.json)
        return 2
    show(common, {**asdict(report), "keys": keys}, *_told(report), facts([("key", one) for one in keys]))
    return 0 if report.finding is Finding.OK else 1


def show_(
    *,
    last: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 20,
    attempt: str = "",
    common: Common = DEFAULT,
) -> int:
    """Show the newest entries, or all of one call.

    Args:
        last: How many entries.
        attempt: The id of a call or intent, or the end of it: show all that is recorded of it.
    """
    with journal_of(configuration(common)) as journal:
        view = journal.view()
        first = 0 if attempt else max(0, view.size - last)
        leaves: list[Leaf] = [one.leaf for one in view.entries(first, view.size) if _belongs(one.leaf, attempt)]
    if attempt and not leaves:
        raise NotFound(f"the log has no call {attempt!r}; `isthmus audit show` lists the newest", object=attempt)
    if attempt:
        blocks = [part for leaf in leaves for part in (facts(_flat(leaf)), "")]
        show(common, {"entries": leaves}, *blocks)
        return 0
    show(common, {"entries": leaves}, _listed(leaves) if leaves else "the log is empty")
    return 0


def checkpoint(*, common: Common = DEFAULT) -> int:
    """Sign size and root of the log and print the note; keep it where whoever can change the log cannot."""
    with journal_of(configuration(common)) as journal:
        note = journal.checkpoint_sync()
        data = {"checkpoint": note, "verification_key": journal.verification_key, "size": int(note.split("\n")[1])}
    show(common, data, note.removesuffix("\n"))
    return 0


def about(subject: str, /, *, common: Common = DEFAULT) -> int:
    """List the entries that name a person or a record and are not erased.

    Args:
        subject: A user of the configuration, or a record's id as an answer gave it.
    """
    with journal_of(configuration(common)) as journal:
        leaves = [leaf for _, leaf in _naming(journal.view(), subject)]
    show(common, {"entries": leaves}, _listed(leaves) if leaves else "no entry names it")
    return 0


def erase(subject: str, /, *, basis: str, who: As, why: str = "", yes: Yes = False, common: Common = DEFAULT) -> int:
    """Destroy what the log keeps sealed about a person or a record; every proof goes on holding.

    Args:
        subject: A user of the configuration, or a record's id as an answer gave it.
        basis: The legal basis, such as gdpr-17; it stands in the log.
        who: The person who orders it; sealed in the log.
        why: The request, such as its number; sealed in the log.
        yes: Do it; without this, only say what would be erased.
    """
    with journal_of(configuration(common)) as journal:
        indexes = tuple(index for index, _ in _naming(journal.view(), subject))
        if yes:
            journal.transact_sync(lambda transaction: transaction.erase(indexes, who=who, why=why, basis=basis))
    data = {"found": len(indexes), "erased": len(indexes) if yes else 0}
    said = f"{counted(len(indexes), 'entry', 'entries')} {'names' if len(indexes) == 1 else 'name'} it"
    if yes:
        show(common, data, f"{said}; what was sealed with them is erased, and that is recorded")
    else:
        show(common, data, f"{said}; nothing is erased yet", "--yes erases it, and nothing brings it back")
    return 0


def _naming(view: "View", subject: str) -> Iterator[tuple[int, Leaf]]:
    """Find entries by a person's name, or by a record's id; one that names its connection counts there only."""
    connection, mark, native = subject.partition(QUALIFIER)
    for index in view.about(native if mark else subject):
        leaf = view.entry(index).leaf
        if not mark or leaf.get("connection") == connection:
            yield index, leaf


def _listed(leaves: Sequence[Leaf]) -> "Table":
    columns = ("#", "time UTC", "kind", "agent", "what", "result", "call")
    return table(columns, [_row(leaf) for leaf in leaves], "what", "result")


def _told(report: "Report") -> Sequence[str]:
    if report.finding.value == "tampered":
        where = "" if report.index is None else f" at entry {report.index}"
        return (
            f"TAMPERED{where}: {report.what}",
            "Keep this file as evidence, stop writing to it, and compare it with a backup and your checkpoints.",
        )
    said = f"The log is whole: {report.size} entries, {report.covered} of them under a signed checkpoint"
    said += f", the bodies of {report.erased} erased on request." if report.erased else "."
    newer = report.size - report.covered
    if not newer:
        return (said,)
    return said, f"The newest {newer} rest on the file alone; `isthmus audit checkpoint` covers them."


def _belongs(leaf: Leaf, attempt: str) -> bool:
    """Tell whether an entry is of a call, whichever leg of it; the id may be cut at the front."""
    if not attempt:
        return True
    id = str(leaf.get("attempt", ""))
    return len(attempt) >= 4 and attempt != "" and (id.endswith(attempt) or id.partition(".")[0].endswith(attempt))


def _row(leaf: Leaf) -> tuple[str, ...]:
    target = "/".join(str(leaf[name]) for name in ("connection", "object") if leaf.get(name))
    result = [str(leaf[name]) for name in ("decision", "state", "error") if leaf.get(name)]
    rules = leaf.get("rules") if leaf.get("decision") == "refused" else None
    return (
        str(leaf.get("sequence", "")),
        _time(str(leaf.get("time", ""))),
        str(leaf.get("kind", "")),
        str(leaf.get("agent", "")) or "-",
        " ".join(part for part in (str(leaf.get("tool", "")), target) if part) or "-",
        " ".join(result) + (f" by {', '.join(map(str, rules))}" if isinstance(rules, list) and rules else "") or "-",
        short(str(leaf.get("attempt", ""))),
    )


def _time(stamp: str) -> str:
    """Write the time of today, of other days the date too."""
    date, _, time = stamp.partition("T")
    return time[:8] if date == f"{datetime.now(UTC):%Y-%m-%d}" else f"{date[5:]} {time[:5]}"


def _flat(leaf: Leaf) -> list[tuple[str, str]]:
    return [(name, _text(value)) for name, value in sorted(leaf.items(), key=lambda one: one[0] != "sequence")]


def _text(value: JSON) -> str:
    """Write a value of a leaf; long digests are cut, `--json` has them whole."""
    match value:
        case str():
            return f"{value[:CUT]}…" if DIGEST.fullmatch(value) else value
        case list():
            return ", ".join(map(_text, value))
        case dict():
            return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
        case _:
            return json.dumps(value)
