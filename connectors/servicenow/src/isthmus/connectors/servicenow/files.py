"""How do files get to records and back?"""

from typing import BinaryIO

from isthmus.connectors.servicenow.answers import ID, listed, record_of, text_at
from isthmus.connectors.servicenow.ids import checked_id, is_id
from isthmus.connectors.servicenow.pages import list_params
from isthmus.connectors.servicenow.queries import groups_of, text_of
from isthmus.connectors.servicenow.readback import absent
from isthmus.connectors.servicenow.tables import BY_ID, Tables, check_class
from isthmus.core.connector import FileFacts, Pending, Settlement, Upload, Written
from isthmus.core.errors import InvalidArguments, NotFound, UpstreamError
from isthmus.core.files import digest_of
from isthmus.core.records import AllOf, Compare, Operator

__all__ = ["FILES", "attach_file", "download_file", "find_file"]

FILES = "sys_attachment"
LONGEST_NAME = 100
"""Characters of a file's name that the table holds."""
MOST_TWINS = 200


async def attach_file(tables: Tables, object: str, id: str, file: Upload) -> Written:
    """Post the bytes as the body; what the instance says it keeps must be these bytes, on this record."""
    if len(file.name) > LONGEST_NAME:
        raise InvalidArguments(f"a file's name has at most {LONGEST_NAME} characters here", field="name")
    classed = await tables.classed(object)
    if classed:
        check_class(object, await tables.record(object, id, (ID, *classed)))
    params = {"table_name": object, "table_sys_id": checked_id(id), "file_name": file.name}
    answer = await tables.http.upload(tables.path("/attachment/file"), file, params=params)
    kept = record_of(answer)
    told, size, hash = text_at(kept, ID), text_at(kept, "size_bytes"), text_at(kept, "hash")
    mine = text_at(kept, "table_name") == object and text_at(kept, "table_sys_id").lower() == id.lower()
    same = size == str(file.size) and hash.lower() in ("", file.sha256.lower())
    if answer.status != 201 or not (is_id(told) and mine and same):
        raise UpstreamError("the instance did not say that it keeps this file", code="unreadable_answer")
    name = text_at(kept, "file_name")
    return Written(told, created=True, altered={} if name == file.name else {"file_name": name})


async def download_file(tables: Tables, object: str, id: str, file: str, into: BinaryIO) -> FileFacts:
    """Read a file, once the instance has said that it is one of this record; raises NotFound."""
    about = record_of(await tables.http.get(tables.path("/attachment/{}", checked_id(file))))
    owner = (text_at(about, "table_name"), text_at(about, "table_sys_id").lower())
    if text_at(about, ID).lower() != file.lower() or owner != (object, id.lower()):
        raise NotFound(f"{object} {id} has no file {file}, or this identity may not see it", object=object)
    name = text_at(about, "file_name")
    if not name:
        raise UpstreamError("the instance did not say what the file is called", code="unreadable_answer")
    await tables.http.download(tables.path("/attachment/{}/file", file), into)
    size, sha256 = digest_of(into)
    told = (text_at(about, "size_bytes"), text_at(about, "hash").lower())
    if told[0] != str(size) or told[1] not in ("", sha256):
        # Cut off, or another page: a login, a proxy, an instance that hibernates.
        raise UpstreamError("what came is not the file that the instance described; it was not used", code="other_file")
    return FileFacts(name, text_at(about, "content_type"))


async def find_file(tables: Tables, pending: Pending) -> tuple[Settlement, Written | None]:
    """Look for a file of the same name and the very same bytes on the record; likeness proves nothing."""
    name, sha256 = (str(pending.values.get(one, "")) for one in ("name", "sha256"))
    terms = {"table_name": pending.object, "table_sys_id": checked_id(pending.id), "file_name": name}
    where = AllOf(tuple(Compare(field, Operator.EQ, value) for field, value in terms.items()))
    at = tables.path("/attachment")
    fields = (ID, *terms, "hash", "size_bytes")
    page = listed(
        await tables.http.get(at, params=list_params(at, text_of(groups_of(where), (BY_ID,)), fields, MOST_TWINS, 0))
    )
    for one in page.records:
        if text_at(one, "file_name") == name and text_at(one, "hash").lower() == sha256.lower() != "":
            return Settlement.HAPPENED, Written(text_at(one, ID), created=True)
    hidden = page.total is None or len(page.records) < page.total
    unsure = hidden or any(not text_at(one, "hash") for one in page.records)
    return Settlement.CANNOT_TELL if unsure else absent(pending), None
