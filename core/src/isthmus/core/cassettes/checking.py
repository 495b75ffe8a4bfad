"""Does a cassette hold a secret, or a value of which nothing says that it may be there?"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from isthmus.core.cassettes.finding import is_address, says_nothing
from isthmus.core.cassettes.form import Cassette, Interaction, host_of, read_cassette
from isthmus.core.cassettes.headers import ANTI_FORGERY, HEADERS
from isthmus.core.cassettes.judging import Judgement, Known
from isthmus.core.cassettes.sides import LITERAL, MOST_COUNTED
from isthmus.core.cassettes.standins import moment_of
from isthmus.core.cassettes.walking import Leaf, Scalar, body_walked
from isthmus.core.credentials import redact
from isthmus.core.errors import ConfigurationError
from isthmus.core.facts import FieldFacts

__all__ = ["Finding", "check_cassette", "check_folder"]

_NAMED = (
    r"(?:client_secret|access_token|refresh_token|id_token|passw(?:or)?d|api[_-]?key|assertion|session_?id|"
    r"authorization|(?:set-)?cookie)\\?[\"']?\s*[:=]\s*\[?\s*\\?[\"']?"
    r"(?!replayed|scrubbed|\[secret\]|null|true|false)[^\s\"'\\,}&{\[\]]{6,}"
)
_SECRETS = (
    ("a bearer or basic credential", r"\b(?:bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}"),
    ("a Salesforce session", r"\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{8,}"),
    ("a signed token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}"),
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    ("an access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a value under a name that keeps secrets", _NAMED),
)
_PATTERNS = tuple((what, re.compile(pattern, re.IGNORECASE)) for what, pattern in _SECRETS)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be in a cassette: where it stands and what it is, never the value."""

    file: str
    place: str
    what: str


def check_folder(folder: Path) -> tuple[Finding, ...]:
    """Check every cassette below a folder.

    Raises:
        ConfigurationError: there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder {str(folder)!r}; name the one that holds cassettes")
    found: list[Finding] = []
    for path in sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
        found += check_cassette(path, path.relative_to(folder).as_posix())
    return tuple(found)


def check_cassette(path: Path, name: str = "") -> tuple[Finding, ...]:
    """Check one cassette: its text for secrets, each of its values for why it may be there."""
    name = name or path.name
    try:
        cassette = read_cassette(path)
    except ConfigurationError:
        why = "not written by `isthmus record`, so nothing says what its values are"
        return (Finding(name, "the file", why), *_secrets(name, path.read_text(encoding="utf-8", errors="replace")))
    found = list(_secrets(name, path.read_text(encoding="utf-8")))
    if not cassette.recorded_from.strip():
        found.append(Finding(name, "recorded_from", "does not say what it was recorded from"))
    checks = _Checks(cassette)
    for number, one in enumerate(cassette.interactions, 1):
        found += (Finding(name, f"interaction {number}, {place}", what) for place, what in checks.of(one))
    return tuple(found)


def _secrets(name: str, text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in _PATTERNS:
            if pattern.search(line):
                yield Finding(name, f"line {number}", f"looks like {what}")
        if redact(line) != line:
            yield Finding(name, f"line {number}", "is a secret that the configuration names")


class _Checks:
    """The checks of one cassette."""

    def __init__(self, cassette: Cassette) -> None:
        self._texts = {one for one in cassette.stand_ins if isinstance(one, str)}
        self._numbers = {one for one in cassette.stand_ins if not isinstance(one, str)}
        self._stood: list[str] = []
        self._host = ""

    def of(self, one: Interaction) -> Iterator[tuple[str, str]]:
        """Yield the place and the fault of everything in an interaction that may not be there."""
        about = one.isthmus
        for side, headers in (("request", one.request.headers), ("response", one.response.headers)):
            for name, values in headers.items():
                if name.lower() not in HEADERS or (name.lower() == ANTI_FORGERY and values != ["replayed"]):
                    yield f"{side} header {name}", "a header that is never written"
        if not one.request.uri.startswith(host_of(about.connection) + "/"):
            yield "request address", "the address of a real system"
        names, self._host = frozenset(about.names), host_of(about.connection)
        self._stood = [one for one in sorted(about.stood, key=len, reverse=True) if one in self._texts]
        yield from (("request address", what) for what in self._address(one.request.uri, names))
        if about.metadata:
            return
        judgement = Judgement(
            "", {name: Known(FieldFacts(name), frozenset(of)) for name, of in about.labels.items()}, names
        )
        for side, headers, body in (
            ("request", one.request.headers, one.request.body or ""),
            ("response", one.response.headers, one.response.body.string),
        ):
            yield from ((f"{side} body{at}", what) for at, what in self._body(headers, body, judgement, side))

    def _address(self, uri: str, names: frozenset[str]) -> Iterator[str]:
        path, _, query = uri.partition("?")
        for text in (*unquote(path).split("/")[3:], *(value for _, value in parse_qsl(query))):
            if not self._is_worded(text, names):
                yield "holds a value that is no stand-in"

    def _body(
        self, headers: dict[str, list[str]], body: str, judgement: Judgement, side: str
    ) -> Iterator[tuple[str, str]]:
        faults: list[tuple[str, str]] = []

        def seen(leaf: Leaf) -> Scalar:
            fault = self._fault(leaf, judgement.names, asked=side == "request")
            if fault:
                faults.append((f", {leaf.name}" if leaf.name else "", fault))
            return leaf.value

        written, why = body_walked(body.encode(), ", ".join(headers.get("content-type", [])), judgement, seen)
        if written is None:
            faults.append(("", why))
        elif written != body and not faults:
            faults.append(("", "something that nobody looked at, such as a comment, a proof or another header"))
        yield from faults

    def _fault(self, leaf: Leaf, names: frozenset[str], *, asked: bool) -> str:
        """Say why a value may not be there; empty where it may."""
        value, known = leaf.value, leaf.known
        if value is None or isinstance(value, bool) or (isinstance(value, str) and not value.strip()):
            return ""
        if value in self._texts or value in self._numbers:
            return ""
        if known is not None:
            return "" if known.stays else f"a value of class {', '.join(sorted(known.classes))} and no stand-in"
        if isinstance(value, str):
            fine = self._is_worded(value, names) if asked else self._says_nothing(value, names, leaf.name)
            return "" if fine else "a text without a label that is neither id, word of the system nor address"
        if isinstance(value, int) and 0 <= value < MOST_COUNTED:
            return ""
        return "a number without a label that is no count"

    def _says_nothing(self, text: str, names: frozenset[str], named: str) -> bool:
        text = text.removeprefix(self._host)
        if text in self._texts:
            return True
        path, _, query = text.partition("?")
        plain = self._blanked(path)
        if query and (is_address(plain) or is_address(f"/{plain}")):
            return all(self._is_worded(value, names) for _, value in parse_qsl(query))
        return says_nothing(text, names, named) or is_address(self._blanked(text))

    def _is_worded(self, text: str, names: frozenset[str]) -> bool:
        """Tell whether the words of a connector hold no value beside stand-ins: none in quotes, no address of mail."""
        plain = self._blanked(text)
        if _MAIL.search(plain):
            return False
        quoted = [found[1].strip("%*") for found in LITERAL.finditer(plain)]
        return all(
            not one.strip("- ") or one in names or says_nothing(one, names) or moment_of(one) is not None
            for one in quoted
        )

    def _blanked(self, text: str) -> str:
        """Return a text without the stand-ins in it."""
        for one in self._stood:
            text = text.replace(one, "-")
        return text
