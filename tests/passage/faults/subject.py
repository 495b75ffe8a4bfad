"""Which system meets faults, with which verbs, and what must come of it?"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest
from tests.passage.conftest import Home

from .outcomes import Mishap
from .verbs import Arguments, Stage, Verb


@dataclass(frozen=True)
class Subject:
    """One system with its connector.

    `switches` are the faults of its sandbox, `beyond` those that no verb can meet; `plain` is a call that always works.
    `record` makes a record of `object`, into whose first of `texts` `change` lets somebody else write "theirs"; `texts` are
    fields of all objects that take any text. `api` begins the address of each call.
    `throttles` ask for a pause, statuses in `dropped` say that nothing was done. `ready` sets up the sandbox for a verb.
    """

    name: str
    home: type[Home]
    plain: Arguments
    switches: frozenset[str]
    beyond: frozenset[str]
    verbs: Mapping[str, Verb]
    mishaps: Sequence[Mishap]
    throttles: Sequence[str]
    record: Callable[[Stage], Awaitable[str]]
    object: str
    texts: Sequence[str]
    api: str
    change: Callable[[Home, str], Awaitable[None]]
    ready: Callable[[Verb, pytest.MonkeyPatch], None] = lambda _verb, _monkeypatch: None
    dropped: frozenset[int] = frozenset()

    @property
    def groups(self) -> Sequence[str]:
        return tuple(dict.fromkeys(verb.group for verb in self.verbs.values()))
