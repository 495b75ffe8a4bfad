"""Who answers in the benchmarks? A page server that computes nothing, in a process of its own.

`python -m benchmarks.pages ROWS` prints its port and serves until its input ends.
"""

import asyncio
import re
import socket
import sys
from urllib.parse import unquote_plus

from benchmarks import org

_TOKEN = '{"access_token":"00Dx!bench","token_type":"Bearer","instance_url":"http://127.0.0.1:%d","scope":"api"}'
_HEAD = (
    b"HTTP/1.1 %s\r\nContent-Type: application/json;charset=UTF-8\r\nSforce-Limit-Info: api-usage=1000/900000000\r\n"
    b"Date: Sat, 21 Nov 2026 10:00:00 GMT\r\nCache-Control: no-cache,must-revalidate,max-age=0,no-store,private\r\n"
    b"Content-Length: %d\r\n\r\n"
)
_CSV_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nSforce-Limit-Info: api-usage=1000/900000000\r\n"
    b"Sforce-Locator: %s\r\nSforce-NumberOfRecords: %d\r\nContent-Length: %d\r\n\r\n"
)
_RECORD = f"/sobjects/{org.OBJECT}/".encode()
_AFTER = re.compile(r"Id > '003(\d{12})AAA'")
_LIMIT = re.compile(r"LIMIT (\d+)")
_JOB = re.compile(rb"/jobs/query/750(\d{12})AAA")
_STRETCH = re.compile(rb"(maxRecords|locator)=(\d+)")
_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


class Answers:
    """The prepared bytes of every answer."""

    def __init__(self, rows: int, port: int) -> None:
        self.records = {org.record_id(at).encode(): _answer(org.record(at)) for at in range(org.RECORDS)}
        self.token = _answer((_TOKEN % port).encode())
        self._describe = _answer(org.describe())
        self._classified = _answer(org.classified())
        self._missing = _answer(b'[{"errorCode":"NOT_FOUND","message":"no such page"}]', b"404 Not Found")
        self._table = org.Table(rows)
        self._sheet = org.Sheet(rows)

    def job(self, query: bytes) -> bytes:
        """Make a job; its id says behind which record it begins, and nothing else is remembered."""
        after = _AFTER.search(query.decode())
        return self._told(int(after[1]) - org.FIRST + 1 if after else 0)

    def _told(self, first: int) -> bytes:
        told = b'{"id":"750%012dAAA","state":"JobComplete","numberRecordsProcessed":%d}'
        return _answer(told % (first, self._table.rows - first))

    def _results(self, target: bytes, first: int) -> bytes:
        asked = {name: int(number) for name, number in _STRETCH.findall(target)}
        begin, count = asked.get(b"locator", first), asked.get(b"maxRecords", 50_000)
        end = min(begin + count, self._table.rows)
        body = self._sheet.page(begin, count)
        locator = b"%d" % end if end < self._table.rows else b"null"
        return _CSV_HEAD % (locator, end - begin, len(body)) + body

    def find(self, target: bytes) -> bytes:
        if b"/describe" in target:
            return self._describe
        if (job := _JOB.search(target)) is not None:
            return self._results(target, int(job[1])) if b"/results" in target else self._told(int(job[1]))
        if b"/query/01g" in target:
            return self._page(int(target.rpartition(b"-")[2]), org.PAGE)
        if b"/query" in target:
            return self._query(unquote_plus(target.decode()))
        return self._missing

    def _query(self, text: str) -> bytes:
        if "FieldDefinition" in text:
            return self._classified
        after, limit = _AFTER.search(text), _LIMIT.search(text)
        first = int(after[1]) - org.FIRST + 1 if after else 0
        return self._page(first, int(limit[1]), follow=False) if limit else self._page(first, org.PAGE)

    def _page(self, first: int, count: int, *, follow: bool = True) -> bytes:
        last = first + count
        more = b"true"
        if follow and last < self._table.rows:
            more = b'false,"nextRecordsUrl":"/services/data/v%s/query/01gBENCH-%d"' % (org.VERSION.encode(), last)
        rows = self._table.page(first, count)
        return _answer(b'{"totalSize":%d,"done":%s,"records":[%s]}' % (self._table.rows, more, rows))


class Pages(asyncio.Protocol):
    """One connection, kept alive."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._waiting + data if self._waiting else data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            target, stop = data[: data.index(b"\r")].split(b" ", 2)[1], end + 4
            if b"/describe" in target:
                answer = self._answers.find(target)
            elif data.startswith(b"POST"):
                length = _LENGTH.search(data, 0, end)
                stop += int(length[1]) if length else 0
                if stop > len(data):
                    break
                body = data[end + 4 : stop]
                answer = self._answers.job(body) if b"/jobs/query" in target else self._answers.token
            elif (at := target.find(_RECORD)) > 0:
                answer = self._answers.records[target[at + len(_RECORD) :][:18]]
            else:
                answer = self._answers.find(target)
            self._transport.write(answer)
            data = data[stop:]
        self._waiting = data


def _answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    return _HEAD % (status, len(body)) + body


async def main(rows: int) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        port = listening.getsockname()[1]
        answers = Answers(rows, port)
        serving = await loop.create_server(lambda: Pages(answers), sock=listening)
        print(port, flush=True)
        await loop.run_in_executor(None, sys.stdin.read)
        serving.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
