r"""Which texts does a search term match?

The term's language is that of FIND (SOQL and SOSL Reference, "FIND {SearchQuery}"): words, "phrases", AND, OR, AND NOT,
parentheses; `*` stands for any letters and `?` for one, but not at the beginning of a word; a backslash makes the
reserved character behind it plain.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

Test: TypeAlias = Callable[[Sequence[str]], bool]

_TOKEN: Final = re.compile(
    r'\s*(?:(?P<sign>[()])|"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>(?:[^\s()"\\]|\\.)+))', re.DOTALL
)
_WORD: Final = re.compile(r"\w+(?:[.@'-]\w+)*")
_MAX_DEPTH: Final = 60
_WILD: Final = {"*": r"\w*", "?": r"\w"}


class MalformedTerm(Exception):
    """A term that is no expression."""


def matcher(term: str) -> Callable[..., bool]:
    """Return the test for a record's texts: every word may stand in another one; raises MalformedTerm."""
    tokens = [(str(match.lastgroup), match.group(match.lastgroup or 0)) for match in _TOKEN.finditer(term)]
    terms = _Terms(tokens)
    test = terms.alternatives()
    if terms.rest():
        raise MalformedTerm(f"unexpected token: '{tokens[-len(terms.rest())][1]}'")

    def matches(*texts: str) -> bool:
        return test([text.casefold() for text in texts])

    return matches


def letters(term: str) -> str:
    """Return a term without what only steers the search."""
    return re.sub(r'[\s\\*?"()]', "", term)


class _Terms:
    """The words of a term and how far they have been read."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def rest(self) -> Sequence[tuple[str, str]]:
        """Return what has not been read."""
        return self._tokens[self._next :]

    def alternatives(self) -> Test:
        """Read terms joined by OR."""
        tests = [self._all()]
        while self._accept("word", "OR"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda texts: any(test(texts) for test in tests)

    def _all(self) -> Test:
        """Read terms that must all match, or must not after AND NOT."""
        tests = [self._one()]
        while self.rest() and self.rest()[0] not in (("word", "OR"), ("sign", ")")):
            unwanted = self._accept("word", "AND") and self._accept("word", "NOT")
            test = self._one()
            tests.append(_opposite(test) if unwanted else test)
        return lambda texts: all(test(texts) for test in tests)

    def _one(self) -> Test:
        if not self.rest():
            raise MalformedTerm("unexpected token: '<EOF>'")
        kind, text = self.rest()[0]
        self._next += 1
        if kind == "phrase":
            return _phrase(text)
        if kind == "sign" and text == "(":
            self._depth += 1
            if self._depth > _MAX_DEPTH:
                raise MalformedTerm("the search term is nested too deep")
            test = self.alternatives()
            self._depth -= 1
            if not self._accept("sign", ")"):
                raise MalformedTerm("unexpected token: '<EOF>'")
            return test
        if kind == "sign" or text.upper() in ("AND", "OR"):
            raise MalformedTerm(f"unexpected token: '{text}'")
        return _word(text)

    def _accept(self, kind: str, text: str) -> bool:
        if not self.rest() or (self.rest()[0][0], self.rest()[0][1].upper()) != (kind, text):
            return False
        self._next += 1
        return True


def _opposite(test: Test) -> Test:
    return lambda texts: not test(texts)


def _expression(text: str) -> str:
    parts: list[str] = re.findall(r"\\.|\*+|.", text, re.DOTALL)
    return "".join(_WILD.get(part[:1]) or re.escape(part[-1].casefold()) for part in parts)


def _word(text: str) -> Test:
    expression = re.compile(_expression(text.lstrip("*?")))

    def test(texts: Sequence[str]) -> bool:
        return any(
            expression.fullmatch(word) is not None
            for text in texts
            for word in (text, *_WORD.findall(text), *re.findall(r"\w+", text))
        )

    return test


def _phrase(text: str) -> Test:
    words = r"\W+".join(_expression(word) for word in text.split())
    expression = re.compile(rf"(?<!\w){words}(?!\w)")
    return lambda texts: any(expression.search(each) is not None for each in texts)
