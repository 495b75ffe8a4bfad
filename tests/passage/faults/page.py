"""How does the matrix read on paper?"""

from collections.abc import Iterator, Mapping, Sequence

from .errands import Course, allowed
from .outcomes import Mishap, Outcome, Signal, expected
from .subject import Subject

HEAD = """# What comes of a fault

Every fault of the sandbox against every verb of a connector, for each system. `tests/passage/faults` makes these calls
through a whole gateway and checks for each what the sandbox's journal saw, what the data holds, what the audit log says,
and that nothing is stuck afterwards. This page is generated: `ISTHMUS_WRITE=1 uv run pytest tests/passage/faults`.

- *answered*, *done*: the call gives its answer; *on the 2nd send* where its request went out twice.
- *done, read back*: the answer was lost; isthmus found what had been written and gave it as the answer. Sent once.
- An error's name: the call ends with it, and the data is as it was. *after 3 sends* where it went out that often.
- `OutcomeUnknown` blocks the identical call. *then done*, *then not done*: what reading back tells ten minutes later; the
  identical call then gets that outcome, or is sent. *then a person*: nothing tells what was written, so somebody has to look.
- *incomplete*: the answer says that rows may be missing. *told*: the answer names the fields that are stored otherwise.
- —: this request cannot meet this fault. Empty: not tried.

Nowhere is a write done twice. Creates have a key (`key_fields`) unless they say otherwise.
"""
ORDINALS = {2: "2nd", 3: "3rd"}


ERRANDS = """### Many records, files and actions

The same faults at each request of the verbs that take several. The cells say how the call may end while the fault is
there. Afterwards the same call, repeated, ends whole whatever it was: every row and every change once, every line, file and
action done once, by the data of the system itself. *then a person*: where nothing tells what was written.
"""


def page(subjects: Sequence[Subject], courses: Mapping[str, Sequence[Course]]) -> str:
    """Return the page of what is expected of every cell."""
    lines = (line for subject in subjects for line in (*_system(subject), *_errands(subject, courses[subject.name])))
    return "\n".join([HEAD, *lines])


def _errands(subject: Subject, courses: Sequence[Course]) -> Iterator[str]:
    yield ERRANDS
    yield "| verb | requests | then a person |"
    yield "|---|---|---|"
    for course in courses:
        person = "where it was done or not" if not course.found else "" if course.ruled_out else "where it was not done"
        yield f"| {course.name} | {', '.join(aim.name for aim in course.aims)} | {person} |"
    yield ""
    yield "| signal | a request that only reads | a request that writes |"
    yield "|---|---|---|"
    for signal in Signal:
        aims = [
            (aim.writes, end)
            for mishap in subject.mishaps
            for course in courses
            for aim in course.aims
            if mishap.signal is signal and aim.meets(mishap)
            for end in allowed(mishap, course, aim)
        ]
        if aims:
            cells = (
                " or ".join(sorted({end for writes, end in aims if writes is one})) or "—" for one in (False, True)
            )
            yield f"| {signal.value.partition(': ')[0]} | {' | '.join(cells)} |"
    yield ""


def _system(subject: Subject) -> Iterator[str]:
    yield f"## {subject.name}\n"
    for group in ("reads", "before a write"):
        names = [verb.name for verb in subject.verbs.values() if verb.group == group]
        yield f"*{group[0].upper()}{group[1:]}*: {', '.join(names)}.\n"
    for signal in Signal:
        if any(mishap.signal is signal for mishap in subject.mishaps) and signal is not Signal.JOB:
            yield from _section(subject, signal)


def _section(subject: Subject, signal: Signal) -> Iterator[str]:
    title, _, rest = signal.value.partition(": ")
    yield f"### {title}\n"
    yield f"{rest[0].upper()}{rest[1:]}\n"
    yield "| fault | " + " | ".join(subject.groups) + " |"
    yield "|---" * (len(subject.groups) + 1) + "|"
    for mishap in subject.mishaps:
        if mishap.signal is signal:
            cells = (_group(subject, mishap, group) for group in subject.groups)
            yield f"| {_name(mishap)} | " + " | ".join(cells) + " |"
    yield ""


def _name(mishap: Mishap) -> str:
    return f"`{mishap.kind}`" + mishap.name.removeprefix(mishap.kind)


def _group(subject: Subject, mishap: Mishap, group: str) -> str:
    """Say what comes of most of the group, then who differs."""
    cells = {
        verb.name: _cell(expected(mishap, verb), does=bool(verb.effect)) if mishap.tried(verb) else ""
        for verb in subject.verbs.values()
        if verb.group == group
    }
    said = list(cells.values())
    usual = max(said, key=said.count)
    others = [f"{name}: {cell}" for name, cell in cells.items() if cell != usual]
    return "; ".join([usual, *others])


def _cell(outcome: Outcome | None, *, does: bool) -> str:
    if outcome is None:
        return "—"
    if not outcome.error:
        said = "done" if does else "answered"
        if outcome.read_back:
            return f"{said}, read back"
        said += ", incomplete" if not outcome.complete else ", told" if outcome.altered else ""
        return said if outcome.sends == 1 else f"{said} on the {ORDINALS[outcome.sends]} send"
    said = f"`{outcome.error}`" + (" (quota)" if outcome.quota else "")
    if outcome.settled:
        then = {"happened": "done", "not_happened": "not done", "unknown": "a person"}[outcome.settled]
        return f"{said}, then {then}"
    return said if outcome.sends < 2 else f"{said} after {outcome.sends} sends"
