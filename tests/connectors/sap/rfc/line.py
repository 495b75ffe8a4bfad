"""The smallest client of RFC: it dials the sandbox, so that tests need no package that speaks RFC."""

import os
import socket
import struct
from decimal import Decimal

from isthmus.connectors.sap.rfc.backend import AbapDump, AbapRaised, LineLost, LogonRefused
from isthmus.plugins.sandbox.sap.rfc import records as tag
from isthmus.plugins.sandbox.sap.rfc.dictionary import Structure, dictionary
from isthmus.plugins.sandbox.sap.rfc.logon import unmixed
from isthmus.plugins.sandbox.sap.rfc.values import decoded, encoded, line_of, row_of

PROBE = bytes.fromhex("02030000").ljust(64, b"\0")
DATA = bytes.fromhex("06cb0200")
EYECATCHER = bytes.fromhex("d9c6c3f0f0f0f0f0f0f0f0f0")


class Line:
    """One connection, its frames and its records."""

    def __init__(self, port, patience=10.0):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._asked(PROBE)
        self.handle = self._asked(b"\x06\x01".ljust(453, b"\0"))[40:48]
        self.write(b"\x06\x0f".ljust(224, b"\0"))
        self._asked(b"\x06\x05".ljust(80, b"\0"))

    def _asked(self, payload):
        self.write(payload)
        return self.read()

    def write(self, payload):
        self._socket.sendall(struct.pack(">I", len(payload)) + payload)

    def read(self):
        (length,) = struct.unpack(">I", self._exactly(4))
        return self._exactly(length)

    def _exactly(self, count):
        found = b""
        while len(found) < count:
            more = self._socket.recv(count - len(found))
            if not more:
                raise ConnectionResetError("the line was closed")
            found += more
        return found

    def ask(self, *parts, logon=False):
        """Send records, and return those of the answer."""
        body = b"".join((*parts, tag.record(tag.END)))
        self.write(DATA.ljust(80, b"\0") + (EYECATCHER if logon else b"") + body)
        return list(tag.records_of(self.read()[80:]))

    def close(self):
        self._socket.close()


def log_on(port, user, password, client="100", patience=10.0):
    """Return a line that is logged on, or raise LogonRefused with the system's sentence."""
    line = Line(port, patience)
    seed = os.urandom(4)
    mixed = seed + unmixed(seed + password.encode("latin-1"))
    parts = [(tag.CLIENT, client.encode()), (tag.USER, user.encode()), (tag.PASSWORD, mixed)]
    told = dict(line.ask(*(tag.record(*one) for one in parts), tag.text(tag.FUNCTION, "RFCPING"), logon=True))
    if tag.ERROR_TEXT in told:
        line.close()
        raise LogonRefused(told[tag.ERROR_TEXT].decode("utf-16-le"))
    return line


def call(line, name, **parameters):
    """Call a function module by the sandbox's own dictionary; a name that is not there has no parameters."""
    function = dictionary().functions.get(name)
    known = {one.name: one for one in function.parameters} if function else {}
    parts = [tag.text(tag.FUNCTION, name)]
    parts += [tag.text(tag.WANTED, one.name) for one in known.values() if one.direction != "I"]
    for place, (each, value) in enumerate(parameters.items(), start=1):
        if known[each].direction == "T":
            rows = [row_of(known[each].type, row) for row in value]
            size = struct.pack(">II", known[each].type.width, len(rows))
            parts += [tag.text(tag.TABLE, each), tag.record(tag.TABLE_ID, struct.pack(">I", place))]
            parts += [tag.record(tag.TABLE_SIZE, size), *(tag.record(tag.ROW, row) for row in rows)]
        else:
            written = row_of if isinstance(known[each].type, Structure) else encoded
            parts += [tag.text(tag.NAME, each), tag.record(tag.VALUE, written(known[each].type, value))]
    return _results(known, list(parameters), line.ask(*parts))


def _results(known, given, answer):
    told, results, name = dict(answer), {}, ""
    if tag.EXCEPTION in told:
        words = {
            kind: told[kind].decode("utf-16-le") for kind in (tag.EXCEPTION, tag.MESSAGE_CLASS, tag.MESSAGE_NUMBER)
        }
        raise AbapRaised(words[tag.EXCEPTION], "", f"{words[tag.MESSAGE_CLASS]}/{words[tag.MESSAGE_NUMBER]}")
    if tag.ERROR_TEXT in told:
        raise AbapDump(told[tag.ERROR_TEXT].decode("utf-16-le"))
    for kind, data in answer:
        if kind in (tag.NAME, tag.TABLE):
            name = data.decode("utf-16-le")
        elif kind == tag.TABLE_BACK:
            name = given[struct.unpack(">III", data)[1] - 1]
        if kind in (tag.TABLE, tag.TABLE_BACK):
            results[name] = []
        elif kind == tag.VALUE:
            read = line_of if isinstance(known[name].type, Structure) else decoded
            results[name] = read(known[name].type, data)
        elif kind in (tag.ROW, tag.ROW_BACK):
            results[name].append(line_of(known[name].type, data))
    return results


class LineBackend:
    """What the connector calls, over that client."""

    name = "line 1"
    writes = True

    def connect(self, logon):
        try:
            return _Session(log_on(logon.port, logon.user, logon.password, logon.client, logon.patience))
        except OSError as error:
            raise LineLost(str(error)) from error


class _Session:
    def __init__(self, line):
        self._line = line

    def call(self, function, parameters):
        try:
            return call(self._line, function.name, **parameters)
        except OSError as error:
            raise LineLost(str(error)) from error

    def ping(self):
        call(self._line, "RFCPING")

    def close(self):
        self._line.close()


ORDER = {
    "ORDER_HEADER_IN": {
        "DOC_TYPE": "TA",
        "SALES_ORG": "1710",
        "DISTR_CHAN": "10",
        "DIVISION": "00",
        "PURCH_NO_C": "R-1",
    },
    "ORDER_ITEMS_IN": [{"ITM_NUMBER": "000010", "MATERIAL": "TG12", "TARGET_QTY": Decimal("3.5")}],
    "ORDER_PARTNERS": [{"PARTN_ROLE": "AG", "PARTN_NUMB": "0017100001"}],
}
