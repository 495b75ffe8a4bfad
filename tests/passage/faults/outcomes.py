"""What must come of a verb that meets a fault? Written from the vendors' error tables, not from what isthmus does.

The signals of all vendors fall into a few classes, and the class says what to do. What was sent and may have been done
is never sent again blindly.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from .verbs import Verb

RETRYABLE = {"RetryLater": True, "QuotaExhausted": True}
"""Whether the same call may be repeated as it is; every other error says no."""


@dataclass(frozen=True)
class Outcome:
    """What came of one call: `effect` counts changes of the data by the end of it, `read_back` looks at them since.

    `sends` counts the requests at which the fault was aimed, `tokens` those for a new access token. `settled` is what
    became of an unknown outcome, ten minutes later: happened, not_happened, or unknown, which waits for a person.
    `complete` and `altered` are what the answer itself says of rows that are missing and of fields stored otherwise.
    """

    error: str = ""
    code: str = ""
    retryable: bool = False
    quota: bool = False
    sends: int = 1
    tokens: int = 0
    effect: int = 0
    read_back: bool = False
    settled: str = ""
    complete: bool = True
    altered: tuple[str, ...] = ()


class Signal(Enum):
    """The classes of signals, each with what must be done about it."""

    HARMLESS = "Not a failure: the call notices nothing."
    RULE = "The system says no, by a rule or since the call is wrong: told once, nothing done, never repeated."
    LOCK = "A write meets a locked row: nothing was done, so it is repeated after a pause of random length."
    CROWD = "The system asks for a pause: repeated after one, never taken for a failure of the system."
    SPENT = (
        "The quota of the day or the hour is spent: the system is left alone until the reset, and nobody logs in again."
    )
    SESSION = "The login has ended: one renewal, one replay, and no more."
    TOKEN = "The login has ended and the renewal fails: nothing was done, and nothing is sent."
    FAILS = (
        "The system fails before it does anything: reads are repeated; of a write nobody can tell, so it is read back."
    )
    LOST = "The system does it and the answer is lost: reads are repeated, a write is read back and done once."
    USELESS = "The answer is none that can be used: not asked for again; a write is read back."
    HIDES = "Rows that the identity may not see are left out of a page, and the count stays: read on, and said to be incomplete."
    ALTERS = "Something else is stored than was sent: done once, and the answer names the fields."
    JOB = (
        "Work that was handed over takes long or breaks off: waited for, and each line or row told or asked for again."
    )
    PAGES = "The pages of a long answer lead astray: they are not followed."


@dataclass(frozen=True)
class Mishap:
    """One row: a fault of the sandbox with its details, once or lasting, and the class of its signal.

    `done` tells whether the org carries out what was asked. `error` and `code` are what a refusal must become.
    `blind`: reading back fails too; `also`: another fault comes with it.
    `field` is one that is stored otherwise, `path` what it is aimed at instead of the verb's own request. `deadline` is the call's, `patience` ends
    before a silent connection speaks again, both in seconds. `concerns` tells which verbs can meet it at all, `outcome`
    what comes of it where the class of its signal leaves that open.
    """

    kind: str
    signal: Signal
    says: str = ""
    lasting: bool = False
    done: bool = False
    error: str = ""
    code: str = ""
    blind: bool = False
    sends: int = 1
    details: Mapping[str, str | float | bool] = field(default_factory=dict)
    also: str = ""
    field: str = ""
    path: str = ""
    deadline: float = 600.0
    patience: float = 60.0
    concerns: Callable[[Verb], bool] = lambda _: True
    outcome: Callable[[Verb], Outcome] | None = None

    def tried(self, verb: Verb) -> bool:
        """Tell whether the verb is let meet it: two faults at once only where both can hit."""
        return self.concerns(verb) or not (self.blind or self.also)

    @property
    def name(self) -> str:
        times = "" if self.signal is Signal.HARMLESS else ", lasting" if self.lasting else ""
        return f"{self.kind}{f' ({self.says})' if self.says else ''}{times}"


def writes(verb: Verb) -> bool:
    return verb.writes


def changes(verb: Verb) -> bool:
    return verb.writes and verb.effect == "updated"


def both(kind: str, signal: Signal, says: str = "", **more: object) -> tuple[Mishap, Mishap]:
    """Let a fault come once, and let it stay."""
    return tuple(Mishap(kind, signal, says, lasting=lasting, **more) for lasting in (False, True))  # type: ignore[arg-type,return-value]


def rule(kind: str, error: str, code: str, only: Callable[[Verb], bool] = lambda _: True) -> Mishap:
    return Mishap(kind, Signal.RULE, error=error, code=code, lasting=True, concerns=only)


WITHIN_LIMITS = tuple(
    Mishap(kind, Signal.HARMLESS, "within the time limits", done=True, details={"seconds": 0.05})
    for kind in ("slow", "slow_body")
)
SILENT = Mishap("slow", Signal.LOST, "the connection falls silent", done=True, details={"seconds": 2.5}, patience=1.0)
PAST_DEADLINE = Mishap(
    "slow",
    Signal.USELESS,
    "past the deadline",
    done=True,
    details={"seconds": 3.0},
    deadline=1.5,
    error="RetryLater",
    code="retry_later",
)
"""Only what is slow on purpose takes as long as these two let it, however busy the machine is."""
BOMB = Mishap(
    "gzip_bomb",
    Signal.USELESS,
    lasting=True,
    done=True,
    error="UpstreamError",
    code="unreadable_answer",
    details={"megabytes": 3},
)

ATTEMPTS = 3
"""How often a request is sent at most, once and two more times."""


def expected(mishap: Mishap, verb: Verb) -> Outcome | None:
    """Return what must come of it; None where this verb cannot meet this fault."""
    if not mishap.concerns(verb):
        return None
    found = mishap.outcome(verb) if mishap.outcome else _RULES[mishap.signal](mishap, verb)
    return replace(found, retryable=RETRYABLE.get(found.error, False))


def answered(verb: Verb, more: int = 0, tokens: int = 0) -> Outcome:
    """The call does what it is for, after `more` requests than usual."""
    return Outcome(sends=1 + more, tokens=tokens, effect=1 if verb.effect else 0)


def later(sends: int, *, quota: bool = False) -> Outcome:
    return Outcome("RetryLater", "retry_later", quota=quota, sends=sends)


def unknown(verb: Verb, *, done: bool) -> Outcome:
    """Nobody can tell yet; later everybody can, unless there is nothing to find it by."""
    told = verb.found if done else verb.found and verb.ruled_out
    settled = "unknown" if not told else "happened" if done else "not_happened"
    return Outcome("OutcomeUnknown", "outcome_unknown", effect=int(done), read_back=verb.found, settled=settled)


def read_back(verb: Verb) -> Outcome:
    """The write was done and its answer is lost: found by its key or id, it is an answer after all."""
    return replace(answered(verb), read_back=True) if verb.found else unknown(verb, done=True)


def _refused(mishap: Mishap, verb: Verb) -> Outcome:
    return Outcome(mishap.error, mishap.code, sends=mishap.sends)


def _passing(mishap: Mishap, verb: Verb, *, quota: bool = False) -> Outcome:
    return later(ATTEMPTS, quota=quota) if mishap.lasting else answered(verb, more=1)


def _session(mishap: Mishap, verb: Verb) -> Outcome:
    if "locator" in verb.traits:
        # The address of a page dies with the login that got it.
        return replace(later(2), tokens=1)
    if mishap.lasting:
        return Outcome("CredentialError", "credential_refused", sends=2, tokens=1)
    return answered(verb, more=1, tokens=1)


def _fails(mishap: Mishap, verb: Verb) -> Outcome:
    return unknown(verb, done=False) if verb.writes else _passing(mishap, verb)


def _lost(mishap: Mishap, verb: Verb) -> Outcome:
    if not verb.writes:
        return _passing(mishap, verb)
    if mishap.also:
        return replace(unknown(verb, done=True), settled="unknown")
    return unknown(verb, done=True) if mishap.blind else read_back(verb)


def _useless(mishap: Mishap, verb: Verb) -> Outcome:
    if not verb.writes:
        return _refused(mishap, verb)
    return read_back(verb) if mishap.done else unknown(verb, done=False)


def _pages(mishap: Mishap, verb: Verb) -> Outcome:
    """Only one that looks like the end of a login is worth a second try: the org says the same of both."""
    told = _refused(mishap, verb)
    return replace(told, sends=2, tokens=1) if mishap.details else told


_RULES: Mapping[Signal, Callable[[Mishap, Verb], Outcome]] = {
    Signal.HARMLESS: lambda mishap, verb: answered(verb),
    Signal.RULE: _refused,
    Signal.LOCK: _passing,
    Signal.CROWD: lambda mishap, verb: _passing(mishap, verb, quota=True),
    Signal.SPENT: lambda mishap, verb: later(1, quota=True),
    Signal.SESSION: _session,
    Signal.TOKEN: lambda mishap, verb: replace(_refused(mishap, verb), tokens=1),
    Signal.FAILS: _fails,
    Signal.LOST: _lost,
    Signal.USELESS: _useless,
    Signal.HIDES: lambda mishap, verb: replace(answered(verb, more=1), complete=False),
    Signal.ALTERS: lambda mishap, verb: replace(answered(verb), altered=(mishap.field,)),
    Signal.PAGES: _pages,
}
