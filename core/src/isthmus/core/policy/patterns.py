"""Which calls does a sequence rule mean?"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from isthmus.core.nearest import nearest
from isthmus.core.operation import Effect, Operation, Verb

__all__ = ["Pattern", "parse_pattern"]

ANY = "*"
DOING = frozenset({ANY, "read", "write"} | {verb.value for verb in Verb} | {effect.value for effect in Effect})
KEYS = ("verb", "effect", "object", "system", "risk")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A set of calls; names match whatever their case, `*` any run of characters.

    `does` is a verb, an effect, `read`, `write` or `*`; an upsert is a create and an update. `effect`, where given,
    must match too. `risk` is the least risk points.
    """

    system: str = ANY
    object: str = ANY
    does: str = ANY
    effect: str = ANY
    risk: int = 0

    def matches(
        self, *, homes: Iterable[str], objects: Iterable[str], verb: str, effects: frozenset[str], risk: int | None
    ) -> bool:
        """Tell whether a call is meant; a call of unknown risk is."""
        return (
            (risk is None or risk >= self.risk)
            and _does(self.does, verb, effects)
            and _does(self.effect, "", effects)
            and any(_glob(self.system, one) for one in homes)
            and any(_glob(self.object, one) for one in objects)
        )

    def operation(self, operation: Operation) -> bool:
        """Tell whether an operation is meant, by any object that it touches."""
        return self.matches(
            homes=(operation.system, operation.connection),
            objects=(operation.object, *operation.objects),
            verb=operation.verb.value,
            effects=frozenset(effect.value for effect in operation.effects),
            risk=operation.risk,
        )


def _does(wanted: str, verb: str, effects: frozenset[str]) -> bool:
    if wanted == "write":
        return any(effect != Effect.READ.value for effect in effects)
    return wanted in {ANY, verb, *effects}


def _glob(pattern: str, name: str) -> bool:
    return pattern == ANY or fnmatchcase(name.casefold(), pattern)


def parse_pattern(raw: object, *, risk: bool) -> Pattern:
    """Read `system.Object.verb` or a table; raises ValueError with the remedy. `risk` tells if it may be tested."""
    if isinstance(raw, str):
        return _dotted(raw)
    if isinstance(raw, Mapping):
        return _table(raw, risk=risk)
    raise ValueError(f'{raw!r} names no call; write "system.Object.verb" or {{ {", ".join(KEYS)} }}')


def _dotted(text: str) -> Pattern:
    system, _, rest = text.partition(".")
    object, _, does = rest.rpartition(".")
    if not (system and object and does):
        raise ValueError(f'{text!r} names no call; write "system.Object.verb", with * for any')
    return Pattern(_name(system), _name(object), _doing(does))


def _table(raw: Mapping[str, object], *, risk: bool) -> Pattern:
    for key in raw:
        if key not in KEYS:
            raise ValueError(f"unknown key {key!r}{nearest(key, KEYS)}")
    if "risk" in raw and not risk:
        raise ValueError("past attempts carry no risk; test risk in `deny`")
    texts = {key: value for key, value in raw.items() if isinstance(value, str)}
    if len(texts) != len(raw) or not raw:
        raise ValueError(f"{dict(raw)!r} names no call; give at least one of {', '.join(KEYS)}, each as text")
    return Pattern(
        _name(texts.get("system", ANY)),
        _name(texts.get("object", ANY)),
        _doing(texts.get("verb", ANY)),
        _doing(texts.get("effect", ANY)),
        _risk(texts["risk"]) if "risk" in texts else 0,
    )


def _name(text: str) -> str:
    if re.search(r"[?\[\]\s]", text) or not text:
        raise ValueError(f"{text!r} is no name; use the name itself or * for any characters")
    return text.casefold()


def _doing(text: str) -> str:
    if text not in DOING:
        raise ValueError(f"{text!r} is no verb, effect or group{nearest(text, sorted(DOING))}")
    return text


def _risk(text: str) -> int:
    found = re.fullmatch(r">=\s*(\d{1,2})", text)
    if found is None:
        raise ValueError(f'risk {text!r} is not understood; write ">=2"')
    return int(found.group(1))
