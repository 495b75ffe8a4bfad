"""Which words does a SOQL text consist of, and what do its string escapes mean?"""

import re
from dataclasses import dataclass
from typing import Final

from .syntax import SoqlError

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<datetime>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?(?:Z|[+-]\d{2}:?\d{2}))
      | (?P<date>\d{4}-\d{2}-\d{2})(?![\w:.-])
      | (?P<number>[+-]?(?:\d+(?:\.\d+)?|\.\d+))(?![\w.])
      | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<string>'(?:[^'\\]|\\.)*')
      | (?P<sign><=|>=|!=|<>|[=<>(),:])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
MAX_STATEMENT: Final = 100_000
MAX_STRING: Final = 4_000


@dataclass(frozen=True, slots=True)
class Token:
    """One word: `word` is the text in upper case, for keywords."""

    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """Return the text in upper case."""
        return self.text.upper()


def tokenize(text: str) -> list[Token]:
    """Split a statement; raises SoqlError at the first text that is no word of the language."""
    if len(text) > MAX_STATEMENT:
        raise SoqlError("MALFORMED_QUERY", f"SOQL statements cannot be longer than {MAX_STATEMENT} characters.")
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if text[at] == "'":
                raise SoqlError("MALFORMED_QUERY", "unterminated string literal", at)
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{text[at]}'", at)
        if match.lastgroup != "space":
            tokens.append(Token(str(match.lastgroup), match.group(), at))
        at = match.end()
    tokens.append(Token("end", "<EOF>", len(text)))
    return tokens


def unescape(token_text: str, at: int) -> str:
    """Return the characters that a quoted string stands for."""
    return "".join(char for char, _ in pattern(token_text, at, like=False))


def pattern(token_text: str, at: int, *, like: bool) -> list[tuple[str, bool]]:
    r"""Return the characters of a quoted string, each with whether it was escaped.

    Outside LIKE the escapes are `\n \r \t \b \f \" \' \\`, inside also `\_` and `\%`; any other backslash is an error
    (Salesforce SOQL and SOSL Reference, "Quoted String Escape Sequences").
    """
    body = token_text[1:-1]
    if len(body) > MAX_STRING:
        raise SoqlError("MALFORMED_QUERY", f"filter strings cannot be longer than {MAX_STRING} characters", at)
    out: list[tuple[str, bool]] = []
    chars = iter(body)
    for char in chars:
        if char != "\\":
            out.append((char, False))
            continue
        escaped = next(chars)
        if like and escaped in "_%":
            out.append((escaped, True))
            continue
        plain = _ESCAPES.get(escaped.lower() if escaped.isalpha() else escaped)
        if plain is None:
            raise SoqlError("MALFORMED_QUERY", f"Illegal string character: '\\{escaped}'", at)
        out.append((plain, True))
    return out


def like_expression(token_text: str, at: int) -> re.Pattern[str]:
    """Return the expression that a LIKE string stands for."""
    parts: list[str] = []
    for char, escaped in pattern(token_text, at, like=True):
        if char == "%" and not escaped:
            parts += [".*"] if parts[-1:] != [".*"] else []
        elif char == "_" and not escaped:
            parts.append(".")
        else:
            parts.append(re.escape(char))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
