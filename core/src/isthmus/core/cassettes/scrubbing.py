"""What of an exchange may be written? First every value of the run is looked at, then each is kept or replaced."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from isthmus.core.cassettes.finding import SHORTEST, Finder, says_nothing
from isthmus.core.cassettes.form import About, Answered, Asked, Body, Interaction, Status
from isthmus.core.cassettes.held import Held
from isthmus.core.cassettes.judging import FREE, Judgement, Known
from isthmus.core.cassettes.standins import StandIns, moment_of
from isthmus.core.cassettes.walking import Leaf, Scalar, Seen, body_walked, query_walked, segments_walked
from isthmus.core.facts import FieldType

__all__ = ["HEADERS", "MOST_COUNTED", "Scrubber", "host_of"]

MOST_COUNTED = 10_000_000
"""A number without a field below this is a count."""
FEWEST_WORDS = 6
"""A value of fewer words is a name or an address, and each of its words is looked for as well."""
HEADERS = frozenset(
    {"content-type", "etag", "last-modified", "location", "link", "retry-after", "sforce-limit-info", "sforce-locator",
     "sforce-numberofrecords", "x-total-count", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
     "x-csrf-token", "odata-version", "dataserviceversion", "if-match", "accept"}
)  # fmt: skip
"""The only headers that are written."""
ANTI_FORGERY = "x-csrf-token"
_WORD = re.compile(r"[^\W_]+")
_LITERAL = re.compile(r"'((?:[^'\\]|\\.|'')*)'")
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_POINTING = (FieldType.ID, FieldType.REFERENCE)


def host_of(connection: str) -> str:
    """Return the address that stands for a connection's in a cassette."""
    return f"https://{re.sub('[^a-z0-9-]', '-', connection.lower())}.example"


@dataclass(slots=True)
class Scrubber:
    """Scrub the exchanges of one run: `spare` the words of all, `learn` from all, then `scrub` each."""

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
        own = {word.casefold() for value in said for word in _WORD.findall(value.value)}
        words = {word.casefold() for word in _WORD.findall(unquote(one.target))}
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

    def scrub(self, one: Held) -> Interaction:
        """Return an exchange as it is to be written."""
        if not one.metadata and (one.judgement is None or one.judgement.opaque):
            return _unlabelled(one)
        judgement = one.judgement or Judgement("")
        asks, answers = _Request(self, one), _Answer(self, one)
        path, _, query = one.target.partition("?")
        address = host_of(one.connection) + segments_walked(path, asks.seen)
        if query:
            address += "?" + query_walked(query, judgement, asks.seen)
        asked, why_not_asked = self._body(one, one.body, one.body_type, asks.seen)
        answered, why_not_answered = self._body(one, one.answer, one.answer_type, answers.seen)
        known = asks.labels | answers.labels
        about = About(
            connection=one.connection,
            call=one.number,
            metadata=one.metadata,
            labels={name: sorted(known[name].classes) for name in sorted(known)},
            names=sorted(asks.names | answers.names),
            asked=one.asked or why_not_asked,
            answered=one.lost or why_not_answered,
        )
        request = Asked(one.method, address, asked or None, self._headers(one.asked_with, asks.seen))
        response = Answered(
            Status(one.status, ""), self._headers(one.answered_with, answers.seen), Body(answered or "")
        )
        return Interaction(request, response, about)

    def _body(self, one: Held, body: bytes, kind: str, seen: Seen) -> tuple[str | None, str]:
        if not body:
            return "", ""
        if one.metadata:
            return body.decode("utf-8", errors="replace").replace(one.origin, host_of(one.connection)), ""
        return body_walked(body, kind, one.judgement or Judgement(""), seen)

    def _headers(self, found: Mapping[str, str], seen: Seen) -> dict[str, list[str]]:
        told = {}
        for name, value in sorted(found.items()):
            if name == ANTI_FORGERY:
                told[name] = ["replayed"]
            elif name in ("location", "link"):
                told[name] = [str(seen(Leaf(value, name, None)))]
            elif name in HEADERS:
                told[name] = [self.without(value)]
        return told

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
        if moment_of(value) is not None:
            self._moments.add(value[:10])
        self.stand_ins.text(value, known.facts)
        words = [word for word in _WORD.findall(value) if word.casefold() not in self._spared]
        if len(value) < SHORTEST or value in names or not words:
            return
        self._found.add([value])
        if len(words) < FEWEST_WORDS and known.facts.type is not FieldType.CHOICE:
            for word in words:
                if len(word) >= SHORTEST and word not in names and not word.isdigit():
                    self.stand_ins.text(word)
                    self._found.add([word])

    def without(self, text: str) -> str:
        """Return a text without any value that was found in the run."""
        return self._found.replaced(text, self.stand_ins.given)

    def hides(self, text: str) -> bool:
        """Tell whether such a value stands in a text in any spelling."""
        return self._found.hidden_in(text)

    def known_literal(self, text: str) -> bool:
        """Tell whether a text is one that some field holds and that may stay."""
        return text in self._open

    def is_replaced(self, day: str) -> bool:
        """Tell whether a day is one that was replaced."""
        return day in self._moments


def _unlabelled(one: Held) -> Interaction:
    """Write no more of an exchange than that it was: its address may hold values too."""
    why = one.lost or "the answer was handed on as it came, so nothing is known of its values"
    about = About(one.connection, one.number, asked=why, answered=why)
    request = Asked(one.method, host_of(one.connection) + "/-", None, {})
    return Interaction(request, Answered(Status(one.status, ""), {}, Body("")), about)


@dataclass(slots=True)
class _Side:
    """One half of an exchange; `labels` collects what is known of the fields met, `names` the system's words."""

    run: Scrubber
    one: Held
    labels: dict[str, Known] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

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
        if known.facts.type in _POINTING or inside:
            return self._alone(value)
        return self.run.without(value)

    def _alone(self, value: str | float) -> Scalar:
        """Judge a value of no field: it stays where it says nothing."""
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            value = value.replace(self.one.origin, host_of(self.one.connection))
            if "?" in value and value.startswith(("/", "https://")):
                path, _, query = value.partition("?")
                told = query_walked(query, self.judgement, _Request(self.run, self.one).seen)
                return f"{self._alone(path)}?{told}"
            if says_nothing(value, self.judgement.names) and not self.run.hides(value):
                self.names.update({value} & self.judgement.names)
                return value
            return self.run.stand_ins.text(value)
        if isinstance(value, int) and 0 <= value < MOST_COUNTED:
            return value
        return self.run.stand_ins.number(value)


@dataclass(slots=True)
class _Answer(_Side):
    """What came back."""

    def seen(self, leaf: Leaf) -> Scalar:
        """Return what is written in place of a value."""
        if leaf.value is None or leaf.value == "":
            return leaf.value
        if leaf.known is None:
            return self._alone(leaf.value)
        self.labels[leaf.name] = leaf.known
        return self._of_field(leaf.value, leaf.known, inside=leaf.inside)


@dataclass(slots=True)
class _Request(_Side):
    """What was sent: words of the connector around the values of the call."""

    def seen(self, leaf: Leaf) -> Scalar:
        """Return what is written in place of a value."""
        if leaf.value is None or leaf.value == "":
            return leaf.value
        if leaf.known is not None:
            self.labels[leaf.name] = leaf.known
            if not leaf.known.stays:
                return self._of_field(leaf.value, leaf.known, inside=leaf.inside)
        return self._worded(leaf.value) if isinstance(leaf.value, str) else self._alone(leaf.value)

    def _worded(self, text: str) -> str:
        text = text.replace(self.one.origin, host_of(self.one.connection))
        if "?" in text and text.startswith("/"):
            path, _, query = text.partition("?")
            return segments_walked(path, self.seen) + "?" + query_walked(query, self.judgement, self.seen)
        text = self.run.without(text)
        text = _MOMENT.sub(self._moment, text)
        return _LITERAL.sub(self._literal, text)

    def _moment(self, found: re.Match[str]) -> str:
        return self.run.stand_ins.text(found[0]) if self.run.is_replaced(found[0][:10]) else found[0]

    def _literal(self, found: re.Match[str]) -> str:
        """Replace what stands in quotes, unless it is known to say nothing or has been replaced by now."""
        text = re.sub(r"\\(.)", r"\1", found[1]).replace("''", "'")
        bare = text.strip("%*")
        if self.run.known_literal(text) or says_nothing(text, self.judgement.names) or bare in self.run.stand_ins.made:
            return found[0]
        if self.run.known_literal(bare):
            return found[0]
        return "'" + found[1].replace(bare, self.run.stand_ins.text(bare)) + "'"
