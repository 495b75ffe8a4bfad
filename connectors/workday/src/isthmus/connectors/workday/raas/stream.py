"""How are the entries of a report read one by one, however long the document is?"""

import codecs
import json
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from isthmus.connectors.workday.answers import strange
from isthmus.core.errors import UpstreamError
from isthmus.core.records import JSON

__all__ = ["LONGEST", "Entries"]

PORTION = 1 << 20
LONGEST = 8 << 20
"""The most letters of one entry."""
_KEY = '"Report_Entry"'
_SPACE = " \t\r\n"


class Entries:
    """The entries of a document in a file, which begins where it stands; never more than a few of them in memory."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="strict").decode
        self._decoder = json.JSONDecoder(parse_constant=_no_constant)
        self._text = ""
        self._at = 0
        self._ended = False

    def __iter__(self) -> Iterator[Mapping[str, JSON]]:
        """Yield the entries in their order; raises UpstreamError where the document is no whole report."""
        self._begin()
        if self._letter() == "]":
            self._at += 1
            return self._end()
        while True:
            yield self._entry()
            mark = self._letter()
            self._at += 1
            if mark == "]":
                return self._end()
            if mark != ",":
                raise _cut()

    def _begin(self) -> None:
        """Find the list of entries; a document without one tells of an error, and never of an empty report."""
        if self._letter() != "{":
            raise strange("with something that is no report")
        self._at += 1
        self._letter()
        self._fill(len(_KEY) + 1)
        if not self._text.startswith(_KEY, self._at):
            raise UpstreamError(
                "the report gave no Report_Entry, which means that it failed and not that it is empty; run it in "
                "Workday as its owner",
                code="unreadable_answer",
            )
        self._at += len(_KEY)
        for mark in ":[":
            if self._letter() != mark:
                raise strange("with a Report_Entry that is no list")
            self._at += 1

    def _entry(self) -> Mapping[str, JSON]:
        self._letter()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if isinstance(error, RecursionError) or self._ended or len(self._text) - self._at > LONGEST:
                    raise _cut() from None
                self._more()
                continue
            if not isinstance(found, dict):
                raise strange("with an entry that is no record")
            self._at = end
            return found

    def _letter(self) -> str:
        """Return the next letter that is no blank; raises UpstreamError at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if self._ended:
                raise _cut()
            self._more()

    def _end(self) -> None:
        """Check that the document ends behind its list: what was cut off would miss entries."""
        if self._letter() != "}":
            raise _cut()

    def _fill(self, letters: int) -> None:
        while len(self._text) - self._at < letters and not self._ended:
            self._more()

    def _more(self) -> None:
        portion = self._source.read(PORTION)
        self._ended = not portion
        try:
            self._text = self._text[self._at :] + self._decode(portion, final=self._ended)
        except UnicodeDecodeError:
            raise _cut() from None
        self._at = 0


def _no_constant(_: str) -> float:
    raise strange("with a number that is none")


def _cut() -> UpstreamError:
    return UpstreamError(
        "the report is not whole: what came is no JSON, or was cut off, as it is after 30 minutes or 2 GB; narrow it "
        "by its prompts",
        code="unreadable_answer",
    )
