"""A few rows that are read by WQL: a reader of its own, which takes a query apart word by word."""

import re
from collections.abc import Callable, Iterator

Row = dict[str, object]
TOKEN = re.compile(r"\s*('[^']*'|<=|>=|!=|[=<>(),]|[\w.-]+)")


class Reader:
    """Reads one query over rows; raises ValueError where it is none."""

    def __init__(self, text: str) -> None:
        self.tokens = self._tokens(text)
        self.at = 0

    @staticmethod
    def _tokens(text: str) -> list[str]:
        found, at = [], 0
        while at < len(text.rstrip()):
            token = TOKEN.match(text, at)
            if token is None:
                raise ValueError(text[at:])
            found.append(token[1])
            at = token.end()
        return found

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if wanted and token not in wanted:
            raise ValueError(f"{token} where {wanted} was due")
        self.at += 1
        return token

    def run(self, sources: dict[str, list[Row]]) -> list[Row]:
        self.take("SELECT")
        names = [self.take()]
        while self.peek() == ",":
            self.take()
            names.append(self.take())
        self.take("FROM")
        rows = sources[self.take()]
        self.parameters = dict(self.given()) if self.peek() == "(" else {}
        if self.peek() == "WHERE":
            self.take()
            holds = self.either()
            rows = [row for row in rows if holds(row)]
        rows = self.ordered(list(rows))
        self.take("LIMIT")
        limit = int(self.take())
        if self.peek():
            raise ValueError(self.peek())
        return [{name: row[name] for name in names if row.get(name) is not None} for row in rows[:limit]]

    def given(self) -> Iterator[tuple[str, object]]:
        self.take("(")
        while True:
            name = self.take()
            self.take("=")
            yield name, read(self.take())
            if self.take(",", ")") == ")":
                return

    def ordered(self, rows: list[Row]) -> list[Row]:
        keys = []
        if self.peek() == "ORDER":
            self.take()
            self.take("BY")
            while not keys or self.peek() == ",":
                if keys:
                    self.take(",")
                keys.append((self.take(), self.take("ASC", "DESC")))
        for name, way in reversed(keys):
            # Missing values come last here, as nothing says that they come first.
            rows.sort(key=lambda row: (row.get(name) is None, str(row.get(name))), reverse=way == "DESC")
        return rows

    def either(self) -> Callable[[Row], bool]:
        terms = [self.both()]
        while self.peek() == "OR":
            self.take()
            terms.append(self.both())
        return lambda row: any(term(row) for term in terms)

    def both(self) -> Callable[[Row], bool]:
        terms = [self.single()]
        while self.peek() == "AND":
            self.take()
            terms.append(self.single())
        return lambda row: all(term(row) for term in terms)

    def single(self) -> Callable[[Row], bool]:
        if self.peek() == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        name, op = self.take(), self.take()
        if op == "is":
            empty = self.take("not", "empty") == "empty"
            if not empty:
                self.take("empty")
            return lambda row: (row.get(name) is None) is empty
        if op in ("not", "in"):
            if op == "not":
                self.take("in")
            listed = list(self.listed())
            return lambda row: row.get(name) is not None and ((plain(row[name]) in listed) is (op == "in"))
        value = read(self.take())
        return lambda row: row.get(name) is not None and compared(plain(row[name]), op, value)

    def listed(self) -> Iterator[object]:
        self.take("(")
        yield read(self.take())
        while self.take(",", ")") == ",":
            yield read(self.take())


def read(token: str) -> object:
    if token.startswith("'"):
        return token[1:-1]
    return {"true": True, "false": False}[token] if token in ("true", "false") else float(token)


def plain(value: object) -> object:
    if isinstance(value, dict):
        return value["id"]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def compared(found: object, op: str, value: object) -> bool:
    tests: dict[str, Callable[[], bool]] = {
        "=": lambda: found == value,
        "!=": lambda: found != value,
        "<": lambda: found < value,  # type: ignore[operator]
        "<=": lambda: found <= value,  # type: ignore[operator]
        ">": lambda: found > value,  # type: ignore[operator]
        ">=": lambda: found >= value,  # type: ignore[operator]
        "contains": lambda: str(value) in str(found),
        "startsWith": lambda: str(found).startswith(str(value)),
        "endsWith": lambda: str(found).endswith(str(value)),
    }
    return tests[op]()
