"""How is a message split into tagged records, and put together again?"""

import struct
from collections.abc import Iterator
from typing import Final

FUNCTION: Final = 0x0102
USER: Final = 0x0111
CLIENT: Final = 0x0114
LANGUAGE: Final = 0x0115
PASSWORD: Final = 0x0117
NAME: Final = 0x0201
VALUE: Final = 0x0203
WANTED: Final = 0x0205
TABLE: Final = 0x0301
TABLE_SIZE: Final = 0x0302
ROW: Final = 0x0303
ROW_BACK: Final = 0x0304
TABLE_ID: Final = 0x0330
TABLE_BACK: Final = 0x0335
TABLE_BACK_END: Final = 0x0336
EXCEPTION: Final = 0x0401
ERROR_TEXT: Final = 0x0402
DUMP: Final = 0x0403
VARIABLES: Final = (0x0411, 0x0412, 0x0413, 0x0414)
MESSAGE_CLASS: Final = 0x0415
MESSAGE_TYPE: Final = 0x0416
MESSAGE_NUMBER: Final = 0x0417
RETURN_CODE: Final = 0x0420
SYSTEM: Final = 0x0450
HOST: Final = 0x0453
ANSWER: Final = 0x0500
END: Final = 0xFFFF
_LONG: Final = 0xFFFF


class Malformed(ValueError):
    """Bytes that are no sequence of records."""


def record(tag: int, data: bytes = b"") -> bytes:
    """Write one record: tag, length, data, and the tag once more."""
    length = struct.pack(">H", len(data)) if len(data) < _LONG else struct.pack(">HI", _LONG, len(data))
    return struct.pack(">H", tag) + length + data + struct.pack(">H", tag)


def text(tag: int, value: str) -> bytes:
    """Write a record that holds characters."""
    return record(tag, value.encode("utf-16-le"))


def records_of(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Read records up to the one that ends the message; raises Malformed."""
    at = 0
    while True:
        tag, length, at = *_unpack(">HH", body, at), at + 4
        if tag == END:
            return
        if length == _LONG:
            length, at = *_unpack(">I", body, at), at + 4
        data = body[at : at + length]
        if len(data) < length or body[at + length : at + length + 2] != struct.pack(">H", tag):
            raise Malformed(f"record {tag:04x} at byte {at} does not end as it begins")
        yield tag, data
        at += length + 2


def _unpack(form: str, body: bytes, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, body, at)
    except struct.error as error:
        raise Malformed(f"the message ends inside a record, at byte {at}") from error
