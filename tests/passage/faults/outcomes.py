"""What must come of a verb that meets a fault? Written from the vendor's error table, not from what isthmus does.

The vendor's signals fall into a few classes, and the class says what to do: REST API Developer Guide, "Status Codes and
Error Responses"; OAuth 2.0 (RFC 6749 section 5.2). What was sent and may have been done is never sent again blindly.
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


class Signal(Enum):
    """The classes of signals, each with what must be done about it."""

    HARMLESS = "Not a failure: the call notices nothing."
    RULE = "The org says no, by a rule or since the call is wrong: told once, nothing done, never repeated."
    LOCK = "A write meets a locked row: nothing was done, so it is repeated after a pause of random length."
    CROWD = "The org asks for a pause: repeated after one, never taken for a failure of the org."
    DAY = "The day's quota is spent: the org is left alone until the reset, and nobody logs in again."
    SESSION = "The login has ended: one renewal, one replay, and no more."
    TOKEN = "The login has ended and the renewal fails: nothing was done, and nothing is sent."
    FAILS = "The org fails before it does anything: reads are repeated; of a write nobody can tell, so it is read back."
    LOST = "The org does it and the answer is lost: reads are repeated, a write is read back and done once."
    USELESS = "The answer is none that can be used: not asked for again; a write is read back."
    PAGES = "The pages of a long answer lead astray: they are not followed."


@dataclass(frozen=True)
class Mishap:
    """One row: a fault of the sandbox with its details, once or lasting, and the class of its signal.

    `done` tells whether the org carries out what was asked. `error` and `code` are what a refusal must become.
    `blind`: reading back fails too; `also`: another fault comes with it. `deadline` is the call's, `patience` ends
    before a silent connection speaks again, both in seconds. `concerns` tells which verbs can meet it at all.
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
    deadline: float = 600.0
    patience: float = 60.0
    concerns: Callable[[Verb], bool] = lambda _: True

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


REJECTED = ("UpstreamRejected", "upstream_rejected")
LOCATOR = {"concerns": lambda verb: "locator" in verb.traits}
COMMITTED = {"done": True, "details": {"committed": True}}
UNKNOWN_EXCEPTION = {"code": "UNKNOWN_EXCEPTION"}
MISHAPS: tuple[Mishap, ...] = (
    Mishap("slow", Signal.HARMLESS, "within the time limits", done=True, details={"seconds": 0.05}),
    Mishap("slow_body", Signal.HARMLESS, "within the time limits", done=True, details={"seconds": 0.05}),
    Mishap("same_second", Signal.HARMLESS, done=True, concerns=changes),
    rule("validation_rule", *REJECTED, writes),
    rule("duplicate_rule", *REJECTED, writes),
    rule("failing_trigger", *REJECTED, writes),
    rule("storage_full", *REJECTED, writes),
    rule("deleted_meanwhile", "NotFound", "not_found", writes),
    rule("changed_meanwhile", "VersionConflict", "version_conflict", writes),
    rule("missing_right", *REJECTED),
    rule("api_disabled", "CredentialError", "credential"),
    rule("not_found", "NotFound", "not_found"),
    rule("hidden_field", *REJECTED),
    *both("lock_row", Signal.LOCK, concerns=writes),
    *both("concurrent_limit", Signal.CROWD),
    *both("edge_throttle", Signal.CROWD),
    *both("daily_limit", Signal.DAY),
    Mishap("daily_limit", Signal.DAY, "without the limit's header", details={"header": False}),
    *both("expire_session", Signal.SESSION),
    Mishap("token_refused", Signal.TOKEN, "invalid_grant", True, error="CredentialError", code="credential"),
    Mishap(
        "token_refused",
        Signal.TOKEN,
        "retry_request",
        lasting=True,
        error="RetryLater",
        code="retry_later",
        details={"error": "retry_request"},
    ),
    Mishap("lost_token_answer", Signal.TOKEN, lasting=True, error="RetryLater", code="retry_later"),
    *both("unavailable", Signal.FAILS),
    *both("server_error", Signal.FAILS, "empty"),
    *both("server_error", Signal.FAILS, "UNKNOWN_EXCEPTION", details=UNKNOWN_EXCEPTION),
    *both("query_timeout", Signal.FAILS, concerns=lambda verb: "query" in verb.traits),
    *both("lost_answer", Signal.LOST, done=True),
    *both("server_error", Signal.LOST, "empty, but done", **COMMITTED),
    Mishap("server_error", Signal.LOST, "502, but done", done=True, details={"committed": True, "status": 502}),
    Mishap("slow", Signal.LOST, "the connection falls silent", done=True, details={"seconds": 1.0}, patience=0.3),
    Mishap("lost_answer", Signal.LOST, "and reading back fails", done=True, blind=True, concerns=writes),
    Mishap(
        "lost_answer",
        Signal.LOST,
        "and the version stays",
        done=True,
        also="same_second",
        concerns=changes,
    ),
    Mishap(
        "slow",
        Signal.USELESS,
        "past the deadline",
        done=True,
        details={"seconds": 2.0},
        deadline=0.8,
        error="RetryLater",
        code="retry_later",
    ),
    Mishap("html_200", Signal.USELESS, lasting=True, error="UpstreamError", code="upstream"),
    Mishap(
        "gzip_bomb",
        Signal.USELESS,
        lasting=True,
        done=True,
        error="UpstreamError",
        code="unreadable_answer",
        details={"megabytes": 3},
    ),
    Mishap("foreign_next_url", Signal.PAGES, error="UpstreamError", code="foreign_origin", sends=0, **LOCATOR),
    Mishap("cyclic_paging", Signal.PAGES, lasting=True, error="UpstreamError", code="cyclic_pages", **LOCATOR),
    Mishap("dead_locator", Signal.PAGES, error="RetryLater", code="retry_later", **LOCATOR),
    Mishap(
        "dead_locator",
        Signal.PAGES,
        "as if the login had ended",
        error="RetryLater",
        code="retry_later",
        details={"error": "INVALID_SESSION_ID"},
        **LOCATOR,
    ),
)

ATTEMPTS = 3
"""How often a request is sent at most, once and two more times."""


def expected(mishap: Mishap, verb: Verb) -> Outcome | None:
    """Return what must come of it; None where this verb cannot meet this fault."""
    if not mishap.concerns(verb):
        return None
    found = _RULES[mishap.signal](mishap, verb)
    return replace(found, retryable=RETRYABLE.get(found.error, False))


def answered(verb: Verb, more: int = 0, tokens: int = 0) -> Outcome:
    """The call does what it is for, after `more` requests than usual."""
    return Outcome(sends=1 + more, tokens=tokens, effect=1 if verb.effect else 0)


def later(sends: int, *, quota: bool = False) -> Outcome:
    return Outcome("RetryLater", "retry_later", quota=quota, sends=sends)


def unknown(verb: Verb, *, done: bool) -> Outcome:
    """Nobody can tell yet; later everybody can, unless there is nothing to find it by."""
    settled = "unknown" if not verb.found else "happened" if done else "not_happened"
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
    Signal.DAY: lambda mishap, verb: later(1, quota=True),
    Signal.SESSION: _session,
    Signal.TOKEN: lambda mishap, verb: replace(_refused(mishap, verb), tokens=1),
    Signal.FAILS: _fails,
    Signal.LOST: _lost,
    Signal.USELESS: _useless,
    Signal.PAGES: _pages,
}
