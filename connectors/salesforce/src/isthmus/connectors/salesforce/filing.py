"""Which governed call is meant by an SDK's request about a file or an approval?"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import PurePath

from isthmus.connectors.salesforce.approvals import WORK_ITEM
from isthmus.connectors.salesforce.encoding import answer, written
from isthmus.connectors.salesforce.files import BLOBS
from isthmus.connectors.salesforce.ids import checked_id, is_id
from isthmus.core import Record
from isthmus.core.connector import Calls
from isthmus.core.errors import InvalidArguments
from isthmus.core.http import Response
from isthmus.core.records import JSON, QUALIFIER
from isthmus.core.results import Answer

__all__ = ["is_file_request", "serve_approval", "serve_file"]

Listed = Callable[[], Awaitable[Response]]
"""Answers with the org's list of objects, cut to what the caller may know of."""

_BLOBS = {object.casefold(): field.casefold() for object, field in BLOBS.items()}
_TAKEN = frozenset({"Title", "PathOnClient", "VersionData", "FirstPublishLocationId"})
_ASKED = frozenset({"actionType", "contextId", "comments", "nextApproverIds", "processDefinitionNameOrId"})


def is_file_request(method: str, object: str, rest: tuple[str, ...]) -> bool:
    """Tell whether a request sends the bytes of a file, or asks for them."""
    blob = _BLOBS.get(object.casefold())
    return blob is not None and (
        (method == "POST" and not rest) or (len(rest) > 1 and rest[-1].casefold() == blob and method == "GET")
    )


async def serve_file(
    method: str, object: str, values: Callable[[], Mapping[str, JSON]], calls: Calls, listed: Listed
) -> Response:
    """Send a new file by `attach`; all else says which verb to use."""
    if method == "GET":
        raise InvalidArguments(
            "a file is read by the record that it lies beside: use session.download(system, object, id, file)",
            object=object,
        )
    told = values()
    if object.casefold() != "contentversion" or not set(told) <= _TAKEN:
        raise InvalidArguments(
            f"a file is sent beside a record, as a ContentVersion with {', '.join(sorted(_TAKEN))} and no more: use "
            "session.attach(system, object, id, content, name=...)",
            object=object,
        )
    record, content, path = (told.get(name) for name in ("FirstPublishLocationId", "VersionData", "PathOnClient"))
    if not isinstance(record, str) or not isinstance(content, str) or not isinstance(path, str):
        raise InvalidArguments(
            "FirstPublishLocationId, PathOnClient and VersionData tell beside which record a file goes, what it is "
            "called and what is in it: give all three, or use session.attach(system, object, id, content, name=...)",
            object=object,
        )
    about = await _object_of(record, listed)
    made = await calls.call("attach", object=about, id=record, name=_name(path, told.get("Title")), content=content)
    if not isinstance(made, Record):
        raise TypeError(f"an attach answered with a {type(made).__name__}")
    return written(made)


async def serve_approval(body: Mapping[str, JSON], calls: Calls, listed: Listed) -> Response:
    """Submit one record by `invoke`; all else says which verb to use."""
    wanted = body.get("requests")
    asked = wanted[0] if isinstance(wanted, list) and len(wanted) == 1 else None
    if not isinstance(asked, Mapping):
        raise InvalidArguments("one approval at a time: each is judged and recorded on its own", field="requests")
    if more := sorted(set(asked) - _ASKED):
        raise InvalidArguments(
            f"{more[0]!r} would act as somebody else or pass over criteria; leave it out", field=more[0]
        )
    id, word = asked.get("contextId"), str(asked.get("actionType") or "")
    if word.casefold() != "submit" or not isinstance(id, str) or id.startswith(WORK_ITEM):
        raise InvalidArguments(
            "a decision is made on the record that waits for it, not on a work item: use "
            'session.invoke(system, object, "approve", id=record), or "reject"',
            field="contextId",
        )
    named = {"comments": "comments", "next_approvers": "nextApproverIds", "process": "processDefinitionNameOrId"}
    arguments = {ours: asked[theirs] for ours, theirs in named.items() if asked.get(theirs)}
    about = await _object_of(id, listed)
    done = await calls.call("invoke", object=about, action="submit_for_approval", id=id, arguments=arguments)
    if not isinstance(done, Answer):
        raise TypeError(f"an action answered with a {type(done).__name__}")
    told: dict[str, JSON] = {
        "actorIds": done.values.get("waits_for"),
        "entityId": id,
        "errors": None,
        "instanceStatus": done.values.get("status"),
        "success": True,
    }
    return answer(200, [told])


async def _object_of(id: str, listed: Listed) -> str:
    """Find the object that an id belongs to by its first three characters, as the org lists them."""
    native = id.rpartition(QUALIFIER)[2]
    found = (await listed()).json() if is_id(checked_id(native)) else None
    objects = found.get("sobjects") if isinstance(found, Mapping) else None
    for one in objects if isinstance(objects, list) else ():
        if isinstance(one, Mapping) and one.get("keyPrefix") == native[:3]:
            return str(one.get("name"))
    raise InvalidArguments(f"{native[:3]!r} begins the ids of no object that this caller may use", field="id")


def _name(path: str, title: JSON) -> str:
    """Name the file as the org would show it: by its title, and the ending of its path."""
    file = PurePath(path.replace("\\", "/"))
    if not isinstance(title, str) or not title or title in (file.stem, file.name):
        return file.name
    return title if title.casefold().endswith(file.suffix.casefold()) else f"{title}{file.suffix}"
