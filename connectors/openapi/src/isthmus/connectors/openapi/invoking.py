"""How is one listed operation run, and what does it answer?"""

from collections.abc import Mapping

from isthmus.connectors.openapi.describe import arguments_of
from isthmus.connectors.openapi.document import Operation
from isthmus.connectors.openapi.reads import given
from isthmus.connectors.openapi.rows import described
from isthmus.connectors.openapi.service import Listed
from isthmus.connectors.openapi.writing import send, write
from isthmus.core.connector import Invoked
from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.http import Http, Response
from isthmus.core.operation import Effect
from isthmus.core.records import JSON

__all__ = ["run_operation"]


async def run_operation(
    http: Http, base: str, listed: Listed, id: str, arguments: Mapping[str, JSON], key: str
) -> Invoked:
    """Run an operation; its answer is cut to what the document describes."""
    operation, known = listed.operation, arguments_of(listed)
    for name in arguments:
        if name not in known:
            raise InvalidArguments(f"{operation.id} has no argument {name[:80]!a}", field=name[:80])
    if bool(id) is not bool(listed.record):
        raise InvalidArguments(f"{operation.id} acts on {'one record: give its id' if listed.record else 'no record'}")
    told = {**arguments, **(given(listed, id) if listed.record else {})}
    answer = await send(http, write(operation, base, told, key))
    values = _values(operation, answer)
    return Invoked(values, _records(listed, id, values))


def _values(operation: Operation, answer: Response) -> Mapping[str, JSON]:
    if not answer.body:
        return {"status": answer.status}
    if answer.is_json:
        body = described(answer.json(), operation.reply.schema, operation.reply.schema)
        return body if isinstance(body, dict) else {"items" if isinstance(body, list) else "value": body}
    if answer.headers.get("content-type", "").startswith("text/"):
        return {"text": answer.body.decode("utf-8", "replace")}
    raise UpstreamError(
        f"{operation.id} answered with something that is neither JSON nor text", code="unreadable_answer"
    )


def _records(listed: Listed, id: str, values: Mapping[str, JSON]) -> tuple[str, ...]:
    """Name the record that a write made or changed."""
    if id:
        return (id,) if listed.effect is not Effect.READ else ()
    made = values.get(listed.settings.id_field or "id")
    creates = listed.effect is Effect.CREATE and isinstance(made, str | int) and not isinstance(made, bool)
    return (str(made),) if creates else ()
