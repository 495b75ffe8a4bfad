"""How are the words of a statement read one after the other?"""

from collections.abc import Callable
from typing import Final, TypeVar

from .syntax import Path, SoqlError, malformed
from .tokens import Token, tokenize

RESERVED: Final = frozenset(
    {"SELECT", "FROM", "USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "UPDATE", "ALL"}
    | {"AND", "OR", "NOT", "IN", "LIKE", "INCLUDES", "EXCLUDES"}
)
_MAX_DEPTH: Final = 60
_T = TypeVar("_T")


class Words:
    """The words of one text and how far they have been read."""

    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)
        self._next = 0
        self._depth = 0

    @property
    def here(self) -> Token:
        """Return the word that comes next."""
        return self._tokens[self._next]

    def ahead(self) -> Token:
        """Return the word after the next."""
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Read the next word, whatever it is."""
        token = self.here
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def accept(self, word: str) -> bool:
        """Read this keyword if it comes next."""
        if self.here.kind == "name" and self.here.word == word:
            self._next += 1
            return True
        return False

    def accept_sign(self, sign: str) -> bool:
        """Read this sign if it comes next."""
        if self.here.kind == "sign" and self.here.text == sign:
            self._next += 1
            return True
        return False

    def keyword(self, word: str) -> None:
        """Read this keyword or fail."""
        if not self.accept(word):
            raise self.unexpected()

    def sign(self, sign: str) -> None:
        """Read this sign or fail."""
        if not self.accept_sign(sign):
            raise self.unexpected()

    def name(self) -> Token:
        """Read a name that is no keyword."""
        if self.here.kind != "name" or self.here.word in RESERVED:
            raise self.unexpected()
        return self.take()

    def path(self) -> Path:
        """Read a field, possibly of a parent."""
        token = self.name()
        return Path(tuple(token.text.split(".")), token.at)

    def whole_number(self) -> int:
        """Read a number without sign or fraction."""
        if self.here.kind != "number" or not self.here.text.isdigit():
            raise self.unexpected()
        return int(self.take().text)

    def listed(self, read: Callable[[], _T]) -> tuple[_T, ...]:
        """Read things with commas between them."""
        items = [read()]
        while self.accept_sign(","):
            items.append(read())
        return tuple(items)

    def nested(self, read: Callable[[], _T]) -> _T:
        """Read what stands one level deeper; fails where the levels are too many."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise SoqlError("QUERY_TOO_COMPLICATED", "Query is too complicated: nested too deep.")
        found = read()
        self._depth -= 1
        return found

    def expect_end(self) -> None:
        """Fail unless everything has been read."""
        if self.here.kind != "end":
            raise self.unexpected()

    def unexpected(self) -> SoqlError:
        """Say that the next word has no place here."""
        return malformed(f"unexpected token: '{self.here.text}'", self.here.at)
