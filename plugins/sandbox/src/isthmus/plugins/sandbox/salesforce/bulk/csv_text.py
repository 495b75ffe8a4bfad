"""How are rows written as CSV, and read from it?"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

DELIMITERS: Final = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
LINE_ENDINGS: Final = {"LF": "\n", "CRLF": "\r\n"}


class CsvError(ValueError):
    """The text cannot be read as the CSV it is said to be."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a job's CSV is written: the names of its delimiter and of its line ending; None takes either ending."""

    delimiter: str = "COMMA"
    line_ending: str | None = "LF"

    def read(self, body: bytes) -> tuple[list[str], list[list[str]]]:
        """Return header and rows; raises CsvError."""
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise CsvError("ClientInputError : The data is not UTF-8") from None
        self._check_line_ending(text)
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[self.delimiter], strict=True)
            header, *rows = [row for row in reader if row] or [[]]
        except csv.Error as error:
            raise CsvError(f"ClientInputError : Failed to parse CSV: {error}") from None
        for number, row in enumerate(rows, start=1):
            if len(row) != len(header):
                message = f"row {number} has {len(row)} columns, the header {len(header)}"
                raise CsvError(f"ClientInputError : Failed to parse CSV: {message}")
        return header, rows

    def write(self, rows: Iterable[Sequence[str]]) -> bytes:
        """Return rows with every value in quotes, as the API does."""
        text = io.StringIO(newline="")
        ending = LINE_ENDINGS[self.line_ending or "LF"]
        csv.writer(text, delimiter=DELIMITERS[self.delimiter], lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(
            rows
        )
        return text.getvalue().encode()

    def _check_line_ending(self, text: str) -> None:
        """Refuse data whose header ends otherwise than was said: with LF, a CR would become part of a name."""
        first, newline, _ = text.partition("\n")
        if newline and self.line_ending is not None and first.endswith("\r") is not (self.line_ending == "CRLF"):
            message = f"LineEnding is invalid on user data. Current LineEnding setting is {self.line_ending}"
            raise CsvError(f"ClientInputError : {message}")
