"""Where does each word, literal and sign of a SOQL text begin and end?"""

import re
from typing import Literal as OneOf
from typing import NamedTuple

from .names import MAX_DEPTH, MAX_STATEMENT, SoqlError, check_encodable

Kind = OneOf["word", "string", "number", "date", "datetime", "time", "sign", "end"]

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
_END = r"(?![A-Za-z0-9_])"
_TOKEN = re.compile(
    rf"""(?P<space>[ \t\r\n\f]+)
    |(?P<word>[A-Za-z][A-Za-z0-9_]*)
    |(?P<string>'(?:[^'\\]|\\.)*+')
    |(?P<datetime>{_DATE}T{_CLOCK}(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}}){_END})
    |(?P<date>{_DATE}{_END})
    |(?P<time>{_CLOCK}Z{_END})
    |(?P<comment>--|/\*|//)
    |(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+){_END})
    |(?P<sign><=|>=|<>|!=|[=<>(),.:])
    """,
    re.VERBOSE | re.DOTALL,
)
_NEVER = {
    ";": "One statement is sent at a time; leave out the semicolon and what follows it.",
    "'": "This string has no end; close it with ' and write a quote inside it as \\'.",
    '"': "Strings stand between single quotes; replace the double quotes.",
    "*": "SOQL has no *; name the fields, or use FIELDS(STANDARD).",
}
_SMART = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u2032\u2033\u00b4\u0060\uff07\uff02"


class Token(NamedTuple):
    """Hold one piece of the text; `position` counts characters from 0."""

    kind: Kind
    text: str
    position: int

    def shown(self) -> str:
        """Return how a refusal names this token; what literals hold stays out of messages."""
        match self.kind:
            case "word" | "sign":
                return self.text if len(self.text) <= 40 else f"{self.text[:40]}..."
            case "end":
                return "the end of the text"
            case _:
                return f"a {self.kind}"


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a statement, an `end` token last; refuse what no SOQL statement holds."""
    if len(text) > MAX_STATEMENT:
        raise SoqlError(f"A statement has at most {MAX_STATEMENT} characters; split the query.", MAX_STATEMENT)
    check_encodable(text)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        kind = match.lastgroup
        if kind == "comment":
            raise SoqlError("SOQL has no comments; leave it out.", position)
        if kind != "space":
            tokens.append(Token(kind, match[0], position))  # type: ignore[arg-type]  # group names are kinds
        position = match.end()
    tokens.append(Token("end", "", len(text)))
    return tokens


def _unreadable(text: str, position: int) -> SoqlError:
    character = text[position]
    if character in _NEVER:
        return SoqlError(_NEVER[character], position)
    if character in _SMART:
        return SoqlError(f"U+{ord(character):04X} is a typographic quote; write the plain quote '.", position)
    if character.isascii() and (character.isdigit() or character in "+-"):
        sentence = "This number or date cannot be read; write 12.5, 2026-01-31 or 2026-01-31T08:00:00Z."
        return SoqlError(sentence, position)
    shown = character if "!" <= character <= "~" else f"U+{ord(character):04X}"
    return SoqlError(f"{shown} has no place outside a string; leave it out.", position)


class Cursor:
    """Read tokens one after the other, knowing how deep the groups are."""

    def __init__(self, text: str) -> None:
        self.tokens = tokenize(text)
        self.index = 0
        self._depth = 0
        self._from_of = _pair_from(self.tokens)

    @property
    def token(self) -> Token:
        """Return the token to read next."""
        return self.tokens[self.index]

    @property
    def following(self) -> Token:
        """Return the token after the next one."""
        return self.tokens[min(self.index + 1, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Read one token; the end is never passed."""
        token = self.token
        if token.kind != "end":
            self.index += 1
        return token

    def at_word(self, *words: str) -> bool:
        """Tell whether the next token is one of these keywords, given in upper case."""
        return self.token.kind == "word" and self.token.text.upper() in words

    def accept_word(self, *words: str) -> str | None:
        """Read a keyword if it is next and return it in upper case."""
        return self.take().text.upper() if self.at_word(*words) else None

    def expect_word(self, *words: str) -> str:
        """Read a keyword and return it in upper case."""
        if not self.at_word(*words):
            raise self.unexpected(" or ".join(words))
        return self.take().text.upper()

    def at_sign(self, sign: str) -> bool:
        """Tell whether the next token is this sign."""
        return self.token.kind == "sign" and self.token.text == sign

    def accept_sign(self, sign: str) -> bool:
        """Read a sign if it is next."""
        found = self.at_sign(sign)
        if found:
            self.take()
        return found

    def expect_sign(self, sign: str) -> None:
        """Read a sign."""
        if not self.accept_sign(sign):
            raise self.unexpected(sign)

    def name(self) -> Token:
        """Read a name."""
        if self.token.kind != "word":
            raise self.unexpected("a name")
        return self.take()

    def open_group(self) -> None:
        """Read an opening parenthesis, unless groups are nested too deep."""
        if self._depth == MAX_DEPTH:
            sentence = f"Parentheses nest at most {MAX_DEPTH} deep; write the query flatter."
            raise SoqlError(sentence, self.token.position)
        self.expect_sign("(")
        self._depth += 1

    def close_group(self) -> None:
        """Read the closing parenthesis of a group."""
        self.expect_sign(")")
        self._depth -= 1

    def find_from(self) -> int:
        """Return the index of the FROM that belongs to the SELECT being next."""
        found = self._from_of.get(self.index)
        if found is None:
            raise SoqlError("This SELECT has no FROM; add FROM and the object to read.", self.token.position)
        return found

    def unexpected(self, wanted: str) -> SoqlError:
        """Return the refusal of the next token."""
        return SoqlError(f"Expected {wanted}, found {self.token.shown()}; correct the query here.", self.token.position)


def _pair_from(tokens: list[Token]) -> dict[int, int]:
    """Return, for each SELECT keyword, the index of the first FROM in the same parentheses."""
    pairs: dict[int, int] = {}
    open_selects: list[int | None] = [None]
    for index, token in enumerate(tokens):
        if token.kind == "sign" and token.text == "(":
            open_selects.append(None)
        elif token.kind == "sign" and token.text == ")" and len(open_selects) > 1:
            open_selects.pop()
        elif token.kind == "word" and (index == 0 or tokens[index - 1].text != "."):
            word = token.text.upper()
            if word == "SELECT":
                open_selects[-1] = index
            elif word == "FROM" and open_selects[-1] is not None:
                pairs[open_selects[-1]] = index
                open_selects[-1] = None
    return pairs
