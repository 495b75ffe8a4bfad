"""Which values of a run are personal or secret, wherever else they stand?"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

from isthmus.core.cassettes.finding import SHORTEST, Finder
from isthmus.core.cassettes.held import Held
from isthmus.core.cassettes.judging import FREE, Judgement, Known
from isthmus.core.cassettes.standins import StandIns, moment_of
from isthmus.core.cassettes.walking import Leaf, Scalar, body_walked
from isthmus.core.facts import FieldType

__all__ = ["WORD", "Learnt"]

WORD = re.compile(r"[^\W_]+")
FEWEST_WORDS = 6
"""A value of fewer words is a name or an address, and each of its words is looked for as well."""


@dataclass(slots=True)
class Learnt:
    """What is known of the values of a run: `spare` the words of all exchanges first, then `learn` from each."""

    stand_ins: StandIns
    _found: Finder = field(default_factory=Finder)
    _open: set[str] = field(default_factory=set)
    _moments: set[str] = field(default_factory=set)
    _spared: set[str] = field(default_factory=set)

    def spare(self, one: Held) -> None:
        """Note the words of a request that are not the call's: the system's language is looked for in no value."""
        if one.judgement is None and not one.metadata:
            return
        said = one.judgement.said if one.judgement else ()
        own = {word.casefold() for value in said for word in WORD.findall(value.value)}
        words = {word.casefold() for word in WORD.findall(unquote(one.target))}
        self._spared |= {word for word in words - own if not any(letter.isdigit() for letter in word)}

    def learn(self, one: Held) -> None:
        """Look at all values of an exchange, so that what is personal here is replaced wherever it stands."""
        judgement = one.judgement
        if judgement is None or judgement.opaque:
            return
        for said in judgement.said:
            self._note(Leaf(said.value, "", said.known), judgement)
        own = judgement.call.partition(".")[0]
        self._replace(own, FREE)

        def seen(leaf: Leaf) -> Scalar:
            self._note(leaf, judgement)
            return leaf.value

        if not one.metadata:
            body_walked(one.answer, one.answer_type, judgement, seen)
            body_walked(one.body, one.body_type, judgement, seen)

    def _note(self, leaf: Leaf, judgement: Judgement) -> None:
        value, known = leaf.value, leaf.known
        if known is None or value is None or isinstance(value, bool):
            return
        if known.stays:
            self._open.add(str(value))
        elif isinstance(value, str):
            self._replace(value, known, judgement.names)
        elif value >= 1000:
            self._replace(str(value), known)

    def _replace(self, value: str, known: Known, names: frozenset[str] = frozenset()) -> None:
        """Replace a value wherever it stands, and, where it is a name rather than a text, each of its words."""
        self.stand_ins.text(value, known.facts)
        if (moment := moment_of(value)) is not None:
            self._moments.add(moment.isoformat()[:10])
            if value.startswith("/"):
                return
        words = [word for word in WORD.findall(value) if word.casefold() not in self._spared]
        if len(value) < SHORTEST or value in names or not words:
            return
        self._found.add([value])
        if len(words) < FEWEST_WORDS and known.facts.type is not FieldType.CHOICE:
            for word in words:
                if len(word) >= SHORTEST and word not in names and not word.isdigit():
                    self.stand_ins.text(word)
                    self._found.add([word])

    def without(self, text: str, put: Callable[[str], str] = str) -> str:
        """Return a text without any value that was found in the run; `put` is told each stand-in and places it."""
        return self._found.replaced(text, lambda value: put(self.stand_ins.text(value)))

    def hides(self, text: str) -> bool:
        """Tell whether such a value stands in a text in any spelling."""
        return self._found.hidden_in(text)

    def known_literal(self, text: str) -> bool:
        """Tell whether a text is one that some field holds and that may stay."""
        return text in self._open

    def is_replaced_id(self, text: str) -> bool:
        """Tell whether a text as a whole is one that was replaced, too short to be looked for in others."""
        return len(text) < SHORTEST and text in self.stand_ins.given and text not in self._open

    def is_replaced(self, day: str) -> bool:
        """Tell whether a day is one that was replaced."""
        return day in self._moments
