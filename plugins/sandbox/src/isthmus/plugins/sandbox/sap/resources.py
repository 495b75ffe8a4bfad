"""Which resource of a service answers?"""

from typing import TYPE_CHECKING

from isthmus.plugins.sandbox.message import Json, Reply

from . import metadata, operations, writing
from .errors import Refused, bad
from .odata.paths import segments
from .odata.syntax import Malformed
from .reading import read
from .resolve import Target, resolve

if TYPE_CHECKING:
    from .call import Call


def answer(call: "Call", path: str) -> Reply:
    """Return the answer of what a path below the root names, still percent-encoded; raises Refused."""
    try:
        return _answer(call, path.strip("/"))
    except Malformed as error:
        code = "/IWBEP/CM_MGW_RT/021" if call.version == 2 else "/IWBEP/CM_V4S_RUN/016"
        raise bad(str(error), code) from None


def _answer(call: "Call", path: str) -> Reply:
    if path == "":
        _only_read(call)
        return _document(call)
    if path == "$metadata":
        _only_read(call)
        return metadata.answer(call)
    found = segments(path)
    operation = call.service.operations.get(found[0].name)
    if operation is not None and call.version == 2 and len(found) == 1 and found[0].inside is None:
        return operations.import_function(call, operation)
    target = resolve(call, found)
    if target.operation is not None:
        return operations.act(call, target)
    if call.method == "GET":
        return read(call, target, path)
    return _write(call, target)


def _write(call: "Call", target: Target) -> Reply:
    if call.method == "POST" and target.many and not target.tail:
        return writing.create(call, target)
    if target.many or target.row is None or target.tail == "$value":
        raise Refused(405, "/IWBEP/CM_MGW_RT/029", f"Method {call.method} is not allowed here")
    if call.method in ("MERGE", "PATCH") or (call.method == "PUT" and target.field):
        return writing.update(call, target, replacing=False)
    if call.method == "PUT":
        return writing.update(call, target, replacing=True)
    if call.method == "DELETE":
        return writing.delete(call, target)
    raise Refused(405, "/IWBEP/CM_MGW_RT/029", f"Method {call.method} is not allowed here")


def _only_read(call: "Call") -> None:
    if call.method != "GET":
        raise Refused(405, "/IWBEP/CM_MGW_RT/029", f"Method {call.method} is not allowed here")


def _document(call: "Call") -> Reply:
    names: list[str] = [call.service.set_of(table) for table in call.service.tables.values()]
    if call.version == 2:
        return call.reply(200, {"d": {"EntitySets": names}})
    sets: list[Json] = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
    return call.reply(200, {"@odata.context": "$metadata", "value": sets})
