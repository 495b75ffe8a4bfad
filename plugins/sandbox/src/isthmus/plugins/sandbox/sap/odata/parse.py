"""What does the text of a filter mean?"""

from collections.abc import Callable
from typing import Final

from .syntax import Binary, Called, Joined, Lambda, Literal, Malformed, Node, OneOf, Path, Unary
from .tokens import Token, tokens

_COMPARE: Final = ("eq", "ne", "lt", "le", "gt", "ge")
_DEEPEST: Final = 30
_MOST_WORDS: Final = 10_000


def parse(text: str, version: int) -> Node:
    """Read a filter; raises Malformed."""
    parser = _Parser(tokens(text, version), version)
    found = parser.disjunction()
    parser.end()
    return found


class _Parser:
    """Read by recursive descent, loosest words first."""

    def __init__(self, found: list[Token], version: int) -> None:
        if len(found) > _MOST_WORDS:
            raise Malformed("The expression is too long")
        self._tokens = found
        self._place = 0
        self._version = version
        self._depth = 0

    def end(self) -> None:
        """Raise Malformed where something is left."""
        if self._place < len(self._tokens):
            raise Malformed(f"Unexpected {self._tokens[self._place].text!r}")

    def disjunction(self) -> Node:
        """Read operands with `or` between them."""
        return self._deeper(lambda: self._chain(("or",), lambda: self._chain(("and",), self._comparison)))

    def _deeper(self, below: Callable[[], Node]) -> Node:
        """Read what lies one level deeper; raises Malformed where that is too deep."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Malformed("The expression is nested too deeply")
        found = below()
        self._depth -= 1
        return found

    def _chain(self, words: tuple[str, ...], below: Callable[[], Node]) -> Node:
        found, steps = below(), 0
        while (word := self._word(*words)) is not None:
            if isinstance(found, Joined) and found.word == word:
                found = Joined(word, (*found.operands, below()))
            elif word in ("and", "or"):
                found = Joined(word, (found, below()))
            else:
                found, steps = Binary(word, found, below()), steps + 1
                if steps > _DEEPEST:
                    raise Malformed("The expression calculates too much")
        return found

    def _comparison(self) -> Node:
        if self._word("not") is not None:
            return Unary("not", self._deeper(self._comparison))
        left = self._sum()
        if self._version == 4 and self._word("in") is not None:
            return OneOf(left, self._choices())
        word = self._word(*_COMPARE)
        return left if word is None else Binary(word, left, self._sum())

    def _sum(self) -> Node:
        return self._chain(("add", "sub"), lambda: self._chain(("mul", "div", "mod"), self._operand))

    def _operand(self) -> Node:
        if self._sign("-"):
            return Unary("-", self._deeper(self._operand))
        if self._sign("("):
            found = self.disjunction()
            self._need(")")
            return found
        token = self._next()
        if token.literal is not None:
            return token.literal
        if not token.named:
            raise Malformed(f"Unexpected {token.text!r}")
        return self._named(token.text)

    def _named(self, name: str) -> Node:
        if not self._sign("("):
            return Path(tuple(name.split("/")))
        path, _, word = name.rpartition("/")
        if path and word in ("any", "all") and self._version == 4:
            return self._lambda(Path(tuple(path.split("/"))), word)
        arguments: list[Node] = []
        while not self._sign(")"):
            if arguments:
                self._need(",")
            arguments.append(self.disjunction())
        return Called(name, tuple(arguments))

    def _lambda(self, path: Path, word: str) -> Node:
        if self._sign(")"):
            if word == "all":
                raise Malformed("all() needs a condition")
            return Lambda(path, word, "", None)
        variable = self._next()
        if not variable.named or variable.literal is not None:
            raise Malformed(f"{variable.text!r} cannot name a lambda's variable")
        self._need(":")
        body = self.disjunction()
        self._need(")")
        return Lambda(path, word, variable.text, body)

    def _choices(self) -> tuple[Literal, ...]:
        self._need("(")
        found: list[Literal] = []
        while not self._sign(")"):
            if found:
                self._need(",")
            token = self._next()
            if token.literal is None:
                raise Malformed(f"Unexpected {token.text!r} in a list")
            found.append(token.literal)
        if not found:
            raise Malformed("The list after in is empty")
        return tuple(found)

    def _next(self) -> Token:
        if self._place >= len(self._tokens):
            raise Malformed("The expression ends too early")
        self._place += 1
        return self._tokens[self._place - 1]

    def _peek(self) -> Token | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _word(self, *words: str) -> str | None:
        token = self._peek()
        if token is None or not token.named or token.text not in words:
            return None
        self._place += 1
        return token.text

    def _sign(self, sign: str) -> bool:
        token = self._peek()
        found = token is not None and token.text == sign and token.literal is None and not token.named
        self._place += found
        return found

    def _need(self, sign: str) -> None:
        if not self._sign(sign):
            token = self._peek()
            raise Malformed(f"Expected {sign!r}, found {token.text if token else 'the end'!r}")
