"""What of the two halves of an exchange may be written, value by value?"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from isthmus.core.cassettes.finding import SHORTEST, is_address, says_nothing
from isthmus.core.cassettes.form import host_of
from isthmus.core.cassettes.held import Held
from isthmus.core.cassettes.judging import Judgement, Known
from isthmus.core.cassettes.learning import WORD, Learnt
from isthmus.core.cassettes.standins import moment_of
from isthmus.core.cassettes.walking import Leaf, Scalar, query_walked, segments_walked
from isthmus.core.facts import FieldType

__all__ = ["LITERAL", "MOST_COUNTED", "Answers", "Requests"]

MOST_COUNTED = 10_000_000
"""A number without a field below this is a count."""
LITERAL = re.compile(r"'((?:[^'\\]|\\.|'')*)'")
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_MARK = re.compile("\0(\\d+)\0")
_POINTING = (FieldType.ID, FieldType.REFERENCE)


@dataclass(slots=True)
class Side(ABC):
    """One half of an exchange; `labels` collects what is known of the fields met, `names` the system's words.

    `stood` collects what was put into the texts of a request.
    """

    run: Learnt
    one: Held
    labels: dict[str, Known] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    stood: set[str] = field(default_factory=set)

    @property
    def judgement(self) -> Judgement:
        return self.one.judgement or Judgement("")

    def _of_field(self, value: str | float, known: Known, *, inside: bool) -> Scalar:
        """Judge the value of a field, or a part of one."""
        stand_ins = self.run.stand_ins
        if not known.stays:
            if isinstance(value, bool):
                return stand_ins.truth(value, known.facts)
            return stand_ins.text(value, known.facts) if isinstance(value, str) else stand_ins.number(value)
        if not isinstance(value, str) or known.facts.choices:
            return value
        if inside or (known.facts.type in _POINTING and not self._is_number(value)):
            return self._alone(value)
        return self.run.without(value)

    def _is_number(self, id: str) -> bool:
        return id.isascii() and id.isdigit() and not self.run.hides(id)

    def _alone(self, value: str | float, named: str = "") -> Scalar:
        """Judge a value of no field: it stays where it says nothing."""
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            value = value.replace(self.one.origin, host_of(self.one.connection))
            if (link := self._linked(value)) is not None:
                return link
            if says_nothing(value, self.judgement.names, named) and not self.run.hides(value):
                self.names.update({value} & self.judgement.names)
                return value
            return self.run.stand_ins.text(value)
        if isinstance(value, int) and 0 <= value < MOST_COUNTED and not self.run.hides(str(value)):
            return value
        return self.run.stand_ins.number(value)

    def _linked(self, value: str) -> str | None:
        """Judge a link piece by piece; None for anything else."""
        host = host_of(self.one.connection)
        if value.startswith(f"{host}/"):
            # What it is called is our own: a word in it may be one of somebody's mail address.
            return f"{host}{self._alone(value.removeprefix(host))}"
        path, mark, query = value.partition("?")
        if not mark or not is_address(f"/{path.lstrip('/')}"):
            return None
        told = query_walked(query, self.judgement, self.asking)
        plain = str(self._alone(f"/{path.lstrip('/')}"))
        return f"{plain if path.startswith('/') else plain.removeprefix('/')}?{told}"

    @abstractmethod
    def asking(self, leaf: Leaf) -> Scalar:
        """Judge a value in a link."""


@dataclass(slots=True)
class Answers(Side):
    """What came back; links in it say what `asks` has said."""

    asks: "Requests | None" = None

    def asking(self, leaf: Leaf) -> Scalar:
        """Judge a value in a link, as one in an address."""
        self.asks = self.asks or Requests(self.run, self.one)
        return self.asks.seen(leaf)

    def seen(self, leaf: Leaf) -> Scalar:
        """Return what is written in place of a value."""
        if leaf.value is None or leaf.value == "":
            return leaf.value
        if leaf.known is None:
            return self._alone(leaf.value, leaf.name)
        self.labels[leaf.name] = leaf.known
        return self._of_field(leaf.value, leaf.known, inside=leaf.inside)


@dataclass(slots=True)
class Requests(Side):
    """What was sent: words of the connector around the values of the call.

    `moments` collects those in its texts that lie between the begin and the end of the run, `ran`: its clock gave them.
    """

    ran: tuple[float, float] = (0.0, 0.0)
    moments: set[str] = field(default_factory=set)
    _said: re.Pattern[str] | None = None
    _meant: dict[str, str] = field(default_factory=dict)
    _marked: list[str] = field(default_factory=list)

    def asking(self, leaf: Leaf) -> Scalar:
        """Judge a value in a link, as one in an address."""
        return self.seen(leaf)

    def seen(self, leaf: Leaf) -> Scalar:
        """Return what is written in place of a value."""
        if leaf.value is None or leaf.value == "":
            return leaf.value
        if leaf.known is not None:
            self.labels[leaf.name] = leaf.known
            if not leaf.known.stays:
                return self._of_field(leaf.value, leaf.known, inside=leaf.inside)
            if self.judgement.makes and leaf.known.facts.type is FieldType.ID and isinstance(leaf.value, str):
                # The connector made it of the call's own id, so a replay will make another.
                self.run.stand_ins.made.add(leaf.value)
                self.stood.add(leaf.value)
                return leaf.value
        if not isinstance(leaf.value, str):
            return self._alone(leaf.value)
        if not leaf.name and leaf.value.isdigit() and self.run.is_replaced_id(leaf.value):
            # A short id in a path; a parameter of that text has nothing to do with it.
            self.stood.add(self.run.stand_ins.text(leaf.value))
            return self.run.stand_ins.text(leaf.value)
        return self._worded(leaf.value)

    def _worded(self, text: str) -> str:
        text = text.replace(self.one.origin, host_of(self.one.connection)).replace("\0", "")
        if "?" in text and text.startswith("/"):
            path, _, query = text.partition("?")
            return segments_walked(path, self.seen) + "?" + query_walked(query, self.judgement, self.seen)
        # What was put in is marked until the end: it must not be looked through again.
        text = self._own().sub(self._stand_in, text)
        text = self.run.without(text, self._mark)
        text = _MOMENT.sub(self._moment, text)
        text = LITERAL.sub(self._literal, text)
        return _MARK.sub(lambda found: self._marked[int(found[1])], text)

    def _own(self) -> re.Pattern[str]:
        """Return what finds the values that the call itself named, also where they touch other letters."""
        if self._said is None:
            for said in self.judgement.said:
                if not said.known.stays:
                    for spelling in _spellings(said.value):
                        self._meant.setdefault(spelling.casefold(), said.value)
            told = sorted(self._meant, key=len, reverse=True)
            self._said = re.compile("|".join(map(_sought, told)) or r"(?!)", re.IGNORECASE)
        return self._said

    def _stand_in(self, found: re.Match[str]) -> str:
        meant = self._meant.get(found[0].casefold(), found[0])
        whole = len(WORD.findall(meant)) == len(WORD.findall(found[0]))
        return self._put(meant if whole else found[0])

    def _put(self, value: str) -> str:
        return self._mark(self.run.stand_ins.text(value))

    def _mark(self, stand_in: str) -> str:
        self.stood.add(stand_in)
        return self._kept(stand_in)

    def _kept(self, text: str) -> str:
        self._marked.append(text)
        return f"\0{len(self._marked) - 1}\0"

    def _moment(self, found: re.Match[str]) -> str:
        if self._is_own(found[0]):
            self.moments.add(found[0])
            return self._kept(found[0])
        return self._put(found[0]) if self.run.is_replaced(found[0][:10]) else found[0]

    def _is_own(self, text: str) -> bool:
        moment = moment_of(text)
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            return False
        began, ended = self.ran
        return began - 1 <= moment.timestamp() <= ended + 1

    def _literal(self, found: re.Match[str]) -> str:
        """Replace what stands in quotes, unless it is known to say nothing or has been replaced by now."""
        text = re.sub(r"\\(.)", r"\1", found[1]).replace("''", "'")
        bare = text.strip("%*")
        if "\0" in text:
            return self._partly(found[0], bare)
        if self.run.is_replaced_id(bare):
            return found[0].replace(bare, self._put(bare))
        if self.run.known_literal(bare) or says_nothing(bare, self.judgement.names):
            self.names.add(bare)
            return found[0]
        return "'" + found[1].replace(found[1].strip("%*"), self._put(bare)) + "'"

    def _partly(self, literal: str, bare: str) -> str:
        """Keep what stands beside a stand-in where the call names it and it may stay; else replace it as well."""
        words = WORD.findall(_MARK.sub(" ", bare))
        open_words = {word for said in self.judgement.said if said.known.stays for word in WORD.findall(said.value)}
        if not set(words) <= open_words:
            whole = _MARK.sub(lambda found: self._marked[int(found[1])], bare)
            return literal.replace(bare, self._put(whole))
        self.names.add(_MARK.sub("-", bare))
        return literal


def _spellings(value: str) -> Iterator[str]:
    """Yield a value as the languages of systems write it, and each of its words, however it is escaped."""
    yield value
    yield value.replace("\\", "\\\\").replace("'", "\\'")
    yield value.replace("'", "''")
    yield from (word for word in WORD.findall(value) if len(word) >= SHORTEST)


def _sought(text: str) -> str:
    """Return the pattern of a text; a short one stands alone."""
    found = re.escape(text)
    return found if len(text) >= SHORTEST else rf"(?<![^\W_]){found}(?![^\W_])"
