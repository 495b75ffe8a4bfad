"""What does an address say in OData's own grammar? A reader written from the standards, apart from the connector.

V2: MS-ODATA section 2.2.3.6 (URI format, $filter) and 2.2.2 (abstract type system). V4: the ABNF of OData 4.01
(commonExpr, primitiveLiteral, keyPredicate). It reads literals into Python values of its own and trees of tuples.
"""

import base64
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

STRING = r"'(?:''|[^'])*'"
GUID = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
DAY = r"-?(?:0[0-9]{3}|[1-9][0-9]{3,})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,12})?)?"
NAME = r"[^\W\d]\w*"

V2 = [
    ("datetime", rf"datetime'({DAY}T{CLOCK})'"),
    ("datetimeoffset", rf"datetimeoffset'({DAY}T{CLOCK}(?:Z|[+-]{CLOCK}))'"),
    ("time", r"time'(-?P(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?(?:T(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]+)?S)?)?)'"),
    ("guid", rf"guid'({GUID})'"),
    ("binary", r"(?:X|binary)'((?:[0-9A-Fa-f]{2})*)'"),
    ("enum", rf"((?:{NAME}\.)+{NAME}{STRING})"),
    ("string", f"({STRING})"),
    ("double", r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)[dD](?![\w.])"),
    ("single", r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)[fF](?![\w.])"),
    ("decimal", r"(-?[0-9]+(?:\.[0-9]+)?)[mM](?![\w.])"),
    ("int64", r"(-?[0-9]{1,19})[lL](?![\w.])"),
    ("integer", r"(-?[0-9]+)(?![\w.])"),
    ("boolean", r"(true|false)(?!\w)"),
    ("null", r"(null)(?!\w)"),
]
V4 = [
    ("duration", r"duration'([+-]?P(?:[0-9]+D)?(?:T(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]+)?S)?)?)'"),
    ("binary", r"binary'((?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{3}=?|[A-Za-z0-9_-]{2}(?:==)?)?)'"),
    ("enum", rf"((?:{NAME}\.)+{NAME}{STRING})"),
    ("string", f"({STRING})"),
    ("guid", rf"({GUID})(?![\w-])"),
    ("datetimeoffset", rf"({DAY}T{CLOCK}(?:Z|[+-]{CLOCK}))"),
    ("date", rf"({DAY})(?![\w-])"),
    ("time", rf"({CLOCK})(?![\w:])"),
    ("number", r"([+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![\w.])"),
    ("boolean", r"(true|false)(?!\w)"),
    ("null", r"(null)(?!\w)"),
]
PATH = rf"{NAME}(?:/{NAME})*"


class Misread(ValueError):
    """A text that the grammar does not have."""


def tokens(text, version):
    """Split a filter into (kind, text) pairs."""
    literals = V2 if version == 2 else V4
    found, at = [], 0
    while at < len(text):
        if text[at] == " ":
            found.append(("space", " "))
            at += 1
            continue
        if text[at] in "(),:":
            found.append((text[at], text[at]))
            at += 1
            continue
        for kind, pattern in literals:
            match = re.compile(pattern, re.DOTALL).match(text, at)
            if match:
                found.append((kind, match[1]))
                break
        else:
            match = re.compile(PATH).match(text, at)
            if not match:
                raise Misread(f"nothing begins with {text[at : at + 20]!r}")
            found.append(("path", match[0]))
        at = match.end()
    return found


def _enum(text):
    name, _, rest = text.partition("'")
    return (name, rest[:-1])


MEANING = {
    "string": lambda text: text[1:-1].replace("''", "'"),
    "enum": _enum,
    "integer": int,
    "int64": int,
    "decimal": Decimal,
    "number": Decimal,
    "double": float,
    "single": float,
    "boolean": lambda text: text == "true",
    "null": lambda text: None,
    "guid": UUID,
    "datetime": lambda text: moment(text + "Z"),
    "datetimeoffset": lambda text: moment(text),
    "date": date.fromisoformat,
    "time": lambda text: clock(text),
    "duration": str,
}


def value(kind, text):
    """Return what a literal means."""
    return MEANING[kind](text)


def literal(text, version):
    """Read a text that is exactly one literal; binary is read into bytes."""
    found = tokens(text, version)
    if len(found) != 1 or found[0][0] in ("path", "space", "(", ")", ",", ":"):
        raise Misread(f"{text!r} is not one literal")
    ((kind, body),) = found
    if kind == "binary":
        return bytes.fromhex(body) if version == 2 else base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    return value(kind, body)


def moment(text):
    """Return an instant as (whole seconds since 1970, digits of the fraction)."""
    head, zone = (text[:-1], "+00:00") if text.endswith("Z") else (text[:-6], text[-6:])
    whole, _, fraction = head.partition(".")
    hours, minutes = zone[1:].split(":")
    away = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if zone[0] == "-" else 1)
    day, _, hour = whole.partition("T")
    parts = [*map(int, hour.split(":")), 0][:3]
    year, month, number = map(int, day.split("-"))
    since = datetime(year, month, number, *parts, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC) - away
    return (since // timedelta(seconds=1), fraction.rstrip("0"))


def clock(text):
    """Return a time of day as (seconds, digits of the fraction), written as a clock or as a duration."""
    if text.startswith("PT"):
        hours, minutes, seconds, fraction = re.fullmatch(
            r"PT(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:\.([0-9]+))?S)?", text
        ).groups()
        return (int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0), (fraction or "").rstrip("0"))
    whole, _, fraction = text.partition(".")
    found = time.fromisoformat(whole)
    return (found.hour * 3600 + found.minute * 60 + found.second, fraction.rstrip("0"))


class Reader:
    """Reads boolean expressions by precedence: not, comparisons, and, or."""

    def __init__(self, text, version):
        self.tokens, self.at, self.version = tokens(text, version), 0, version

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, *wanted):
        kind, text = self.peek()
        if wanted and kind not in wanted and text not in wanted:
            raise Misread(f"{text!r} where {wanted} was due")
        self.at += 1
        return kind, text

    def word(self, text):
        """Take an operator between spaces, if it is next."""
        if self.tokens[self.at : self.at + 3] == [("space", " "), ("path", text), ("space", " ")]:
            self.at += 3
            return True
        return False

    def whole(self):
        found = self.either()
        self.take("end")
        return found

    def either(self):
        parts = [self.both()]
        while self.word("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else ("or", *parts)

    def both(self):
        parts = [self.one()]
        while self.word("and"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else ("and", *parts)

    def one(self):
        kind, text = self.peek()
        if (kind, text) == ("path", "not"):
            self.take()
            self.take("space")
            return ("not", self.one())
        if kind == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        left = self.operand()
        for word in ("eq", "ne", "lt", "le", "gt", "ge", "has"):
            if self.word(word):
                return (word, left, self.operand())
        return left

    def operand(self):
        kind, text = self.take()
        if kind != "path":
            if kind in ("space", "(", ")", ",", ":", "end"):
                raise Misread(f"{text!r} is no operand")
            if kind == "binary":
                return ("literal", literal_bytes(text, self.version))
            return ("literal", value(kind, text))
        if self.peek()[0] != "(":
            return ("path", text)
        self.take()
        if text.endswith(("/any", "/all")):
            _, variable = self.take("path")
            self.take(":")
            inner = self.either()
            self.take(")")
            return (text, variable, inner)
        arguments = [self.operand()]
        while self.peek()[0] == ",":
            self.take()
            arguments.append(self.operand())
        self.take(")")
        return (text, *arguments)


def literal_bytes(text, version):
    return bytes.fromhex(text) if version == 2 else base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def read_filter(text, version):
    """Read a $filter into a tree."""
    return Reader(text, version).whole()


def literals(tree):
    """Yield the literals of a tree, in their order."""
    if tree[0] == "literal":
        yield tree[1]
        return
    for part in tree[1:]:
        if isinstance(part, tuple) and tree[0] != "path":
            yield from literals(part)


def shape(tree):
    """Return a tree without what its literals hold."""
    if not isinstance(tree, tuple):
        return tree
    return ("literal",) if tree[0] == "literal" else tuple(map(shape, tree))


def read_keys(text, version):
    """Read what stands between the brackets of a key predicate into values by name; a bare literal has no name."""
    found, at = {}, 0
    parts = re.compile(rf"(?:({NAME})=)?((?:[^',]|{STRING})+)(,|\Z)", re.DOTALL)
    while at < len(text):
        match = parts.match(text, at)
        if not match or (match[3] and match.end() == len(text)):
            raise Misread(f"{text!r} is no key predicate")
        found[match[1] or ""] = literal(match[2], version)
        at = match.end()
    return found
