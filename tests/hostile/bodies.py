"""Answers that no reader should believe, by name; each says what it is and nothing about who should do what."""

import asyncio
import gzip
import json
import zlib

from .conftest import CASE
from .upstream import JSON, Exchange, Lie, answer, hangs, says

MEGABYTE = 1 << 20


def head(*more: str, status: str = "200 OK", kind: str = JSON) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {kind}", *more, "", ""]).encode()


def good(**more: object) -> bytes:
    return json.dumps(
        {"attributes": {"type": "Case"}, "Id": CASE, "Subject": "x", "id": CASE, "success": True} | more
    ).encode()


def raw(*, wbits: int, megabytes: int = 1) -> tuple[bytes, bytes]:
    """Return the start of a compressed stream of blanks, and a piece that may follow any number of times."""
    packer = zlib.compressobj(9, wbits=wbits)
    start = packer.compress(b" ") + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(b" " * megabytes * MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    return start, piece


def bomb(encoding: str, gigabytes: int) -> Lie:
    """Unpacks to so many gigabytes, made as it is sent."""
    start, piece = raw(wbits=31 if encoding == "gzip" else 15, megabytes=64)

    async def lie(exchange: Exchange) -> None:
        await exchange.send(head(f"Content-Encoding: {encoding}", "Connection: close") + start)
        for _ in range(gigabytes * 16):
            if exchange.writer.is_closing():
                return
            await exchange.send(piece)
        exchange.close()

    return lie


def forever(start: bytes, chunk: bytes) -> Lie:
    async def lie(exchange: Exchange) -> None:
        await exchange.stream(start, chunk)

    return lie


def drips(start: bytes, chunk: bytes, pause: float = 0.02) -> Lie:
    async def lie(exchange: Exchange) -> None:
        await exchange.send(start)
        while not exchange.writer.is_closing():
            await exchange.send(chunk)
            await asyncio.sleep(pause)

    return lie


def stalls(data: bytes) -> Lie:
    async def lie(exchange: Exchange) -> None:
        await exchange.send(data)
        await hangs(exchange)

    return lie


async def half_open(exchange: Exchange) -> None:
    exchange.writer.write_eof()
    await hangs(exchange)


async def resets(exchange: Exchange) -> None:
    exchange.writer.transport.abort()


DEEP = 1_000_000
CHUNKED = "Transfer-Encoding: chunked"
EMPTY_MEMBER = gzip.compress(b"")

LARGE: dict[str, Lie] = {
    "gzip bomb": bomb("gzip", 1),
    "deflate bomb": bomb("deflate", 1),
    "endless plain body": forever(head(), b" " * 65_536),
    "endless chunks": forever(head(CHUNKED), b"10000\r\n" + b" " * 65_536 + b"\r\n"),
    "endless empty gzip members": forever(head("Content-Encoding: gzip"), EMPTY_MEMBER * 1_000),
    "endless empty deflate blocks": forever(
        head("Content-Encoding: gzip") + raw(wbits=31)[0], b"\0\0\0\xff\xff" * 10_000
    ),
    "content length of 10^18": forever(head("Content-Length: 1" + "0" * 18), b" " * 65_536),
}
"""More than one answer may hold."""

ENCODED: dict[str, Lie] = {
    "gzip twice": says(answer(200, gzip.compress(gzip.compress(good())), "Content-Encoding: gzip, gzip")),
    "gzip in two headers": says(
        answer(200, gzip.compress(gzip.compress(good())), "Content-Encoding: gzip", "Content-Encoding: gzip")
    ),
    "gzip inside gzip": says(answer(200, gzip.compress(gzip.compress(good())), "Content-Encoding: gzip")),
    "brotli": says(answer(200, b"\x0b\x02\x80{}\x03", "Content-Encoding: br")),
    "zstd": says(answer(200, b"\x28\xb5\x2f\xfd\x20\x02\x11\0\0{}", "Content-Encoding: zstd")),
    "gzip over brotli": says(answer(200, gzip.compress(b"x"), "Content-Encoding: br, gzip")),
    "gzip that is none": says(answer(200, good(), "Content-Encoding: gzip")),
    "gzip cut short": says(answer(200, gzip.compress(good())[:-9], "Content-Encoding: gzip")),
    "gzip with a tail": says(answer(200, gzip.compress(good()) + b"tail", "Content-Encoding: gzip")),
    "gzip with a wrong checksum": says(answer(200, gzip.compress(good())[:-8] + bytes(8), "Content-Encoding: gzip")),
}
"""Compressed as nobody asked for, or broken."""

FRAMED: dict[str, Lie] = {
    "longer than told": says(answer(200, good(), length=5)),
    "shorter than told, then closed": says(answer(200, good(), length=9_999), close=True),
    "two lengths": says(answer(200, good(), "Content-Length: 5")),
    "negative length": says(head("Content-Length: -5") + good(), close=True),
    "length in words": says(head("Content-Length: five") + good(), close=True),
    "length beyond any number": says(head("Content-Length: " + "9" * 30) + good(), close=True),
    "length and chunks": says(head("Content-Length: 5", CHUNKED) + b"2\r\n{}\r\n0\r\n\r\n", close=True),
    "chunk size that is none": says(head(CHUNKED) + b"zz\r\n{}\r\n0\r\n\r\n", close=True),
    "negative chunk": says(head(CHUNKED) + b"-2\r\n{}\r\n0\r\n\r\n", close=True),
    "chunk size that wraps": says(head(CHUNKED) + b"FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n", close=True),
    "chunk without its end": says(head(CHUNKED) + b"2\r\n{}0\r\n\r\n", close=True),
    "chunks cut short": says(head(CHUNKED) + b"ff\r\n{}", close=True),
    "chunked twice": says(head("Transfer-Encoding: chunked, chunked") + b"2\r\n{}\r\n0\r\n\r\n", close=True),
    "unknown transfer encoding": says(head("Transfer-Encoding: xchunked") + good()[:-1], close=True),
    "10,000 headers": says(head(*(f"X-{at}: y" for at in range(10_000))) + b"{}", close=True),
    "a header of 1 MB": says(head("X-Long: " + "x" * MEGABYTE) + b"{}", close=True),
    "a name of 1 MB": says(head("x" * MEGABYTE + ": y") + b"{}", close=True),
    "a reason of 1 MB": says(b"HTTP/1.1 200 " + b"x" * MEGABYTE + b"\r\n\r\n{}", close=True),
    "a header with NUL": says(head("X-Nul: a\0b") + b"{}", close=True),
    "no HTTP": says(b"SSH-2.0-OpenSSH_9.0\r\n", close=True),
    "HTTP/0.9": says(good(), close=True),
    "TLS where none is due": says(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" * 20, close=True),
    "status of two digits": says(head(status="99 X") + good(), close=True),
    "status 000": says(answer(0, good()).replace(b" 0 X", b" 000 X", 1)),
    "status 999": says(answer(999, good())),
    "switched protocols": says(head("Upgrade: h2c", "Connection: Upgrade", status="101 X") + good(), close=True),
    "part of an answer": says(answer(206, good(), "Content-Range: bytes 0-9/100")),
    "closed at once": says(b"", close=True),
    "closed inside the head": says(b"HTTP/1.1 200 OK\r\nContent-Ty", close=True),
    "reset": resets,
}
"""HTTP that is none, or means two things."""

ENDLESS: dict[str, Lie] = {
    "endless headers": forever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1_000),
    "one endless header": forever(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65_536),
    "endless reason": forever(b"HTTP/1.1 200 ", b"y" * 65_536),
    "endless trailers": forever(head(CHUNKED) + b"2\r\n{}\r\n0\r\n", b"X: y\r\n" * 1_000),
    "one endless trailer": forever(head(CHUNKED) + b"2\r\n{}\r\n0\r\nX: ", b"y" * 65_536),
}
"""Heads and frames without end; they break a bound long before the deadline."""

SLOW: dict[str, Lie] = {
    "never answers": hangs,
    "half open": half_open,
    "head without end": stalls(b"HTTP/1.1 200 OK\r\nContent-Type: app"),
    "body without end": stalls(answer(200, good(), length=9_999)),
    "drips a body": drips(head("Content-Length: 100000"), b" "),
    "drips chunks": drips(head(CHUNKED), b"1\r\n \r\n"),
    "drips a head": drips(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "drips gzip": drips(head("Content-Encoding: gzip") + raw(wbits=31)[0], b"\0\0\0\xff\xff"),
    "drips 1xx": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
"""Only the deadline ends these."""

FLOODS: dict[str, Lie] = {
    "endless one-byte chunks": forever(head(CHUNKED), b"1\r\n \r\n" * 10_000),
    "endless chunk extension": forever(head(CHUNKED) + b"2;x=", b"y" * 65_536),
    "endless chunk size": forever(head(CHUNKED), b"0" * 65_536),
    "flood of 1xx": forever(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1_000),
    "flood of 1xx with headers": forever(b"", (b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n") * 500),
}
"""Only the deadline ends these too, and they keep the event loop busy until then."""

UNREAD: dict[str, bytes] = {
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep and never closed": b"[" * DEEP,
    "a little too deep": b'{"Id":' + b"[" * 101 + b"]" * 101 + b"}",
    "integer of 10^6 digits": good()[:-1] + b', "Amount": ' + b"9" * DEEP + b"}",
    "fraction of 10^6 digits": good()[:-1] + b', "Amount": ' + b"9" * DEEP + b".5}",
    "exponent too large": good()[:-1] + b', "Amount": 1e999}',
    "NaN": good()[:-1] + b', "Amount": NaN}',
    "Infinity": good()[:-1] + b', "Amount": Infinity}',
    "-Infinity": good()[:-1] + b', "Amount": -Infinity}',
    "the same name twice": good()[:-1] + b', "Id": "500000000000002AAA"}',
    "the same name twice, escaped": good()[:-1] + b', "\\u0049d": "500000000000002AAA"}',
    "lone surrogate": good()[:-1] + b', "Subject2": "\\ud800"}',
    "lone surrogate in a name": good()[:-1] + b', "\\udc00": 1}',
    "surrogate in raw bytes": good()[:-1] + b', "Subject2": "\xed\xa0\x80"}',
    "overlong UTF-8": good()[:-1] + b', "Subject2": "\xc0\xaf"}',
    "Latin-1": good()[:-1] + b', "Subject2": "\xe9"}',
    "UTF-16": good().decode().encode("utf-16"),
    "two values": good() + good(),
    "a tail": good() + b"<script>",
    "cut short": good()[:-1],
    "nothing but blanks": b" " * 1_000,
    "more values than fit": b'{"Id":"' + CASE.encode() + b'","records":[' + b"[]," * (5 * MEGABYTE) + b"0]}",
    "more objects than fit": b"[" + b'{"a":1},' * (2 * MEGABYTE) + b"0]",
    "wide text": b'{"Id":"' + "\U0001f600".encode() * (4 * MEGABYTE) + b'"}',
}
"""Bodies in JSON's name that no two readers understand alike, or that cost more than they are worth."""

STRANGE: dict[str, Lie] = {
    "login page": says(answer(200, b"<html><form action='https://evil.example'>", kind="text/html")),
    "login page named JSON": says(answer(200, b"<html><form action='https://evil.example'>")),
    "charset of another alphabet": says(answer(200, good(), kind="application/json; charset=utf-16")),
    "charset UTF-7": says(answer(200, good(), kind="application/json; charset=utf-7")),
    "no content type": says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(good()) + good()),
    "another content type": says(answer(200, good(), kind="text/plain")),
    "nothing": says(answer(200, b"")),
    "an error inside a success": says(answer(200, [{"errorCode": "INVALID_SESSION_ID", "message": "no"}])),
    "an error object inside a success": says(answer(200, {"error": "invalid_grant", "error_description": "no"})),
    "an array": says(answer(200, [])),
    "a text": says(answer(200, b'"ok"')),
    "null": says(answer(200, b"null")),
    "an empty object": says(answer(200, {})),
    "another record": says(answer(200, {"Id": "500000000000002AAA", "id": 7, "success": True})),
    "ids of another type": says(answer(200, {"Id": 5, "id": {"x": 1}, "success": True})),
    "no success": says(answer(200, {"success": False, "id": None, "errors": [7, None, {"statusCode": 5}]})),
    "bare error": says(answer(400, b"")),
    "error of the wrong shape": says(answer(400, [[[{"errorCode": ["x"], "fields": "y"}]]])),
    "error with endless text": says(answer(400, [{"errorCode": "X" * MEGABYTE, "message": "y" * MEGABYTE}])),
    "error with endless fields": says(
        answer(400, [{"errorCode": "INVALID_FIELD", "message": "y", "fields": ["F__c"] * 100_000}])
    ),
    "quota of 4,400 digits": says(answer(500, {}, "Sforce-Limit-Info: api-usage=" + "9" * 4_400 + "/1")),
    "dates out of time": says(
        answer(503, {}, "Date: Fri, 99 Foo 99999 25:61:61 +9999", "Retry-After: Thu, 01 Jan 0000 00:00:00 GMT")
    ),
    "several lies about waiting": says(
        answer(503, {}, "Retry-After: 9" + "9" * 4_000, "Retry-After: -5", "Date: \xff")
    ),
    "an encoded page": says(answer(200, gzip.compress(b"<html>"), "Content-Encoding: gzip", kind="text/html")),
}
"""Whole answers that say something else than they should."""
