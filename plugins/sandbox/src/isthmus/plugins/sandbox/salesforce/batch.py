"""How are independent requests answered in one?"""

from collections.abc import Mapping
from typing import Final

from isthmus.plugins.sandbox.message import Json, Reply

from .call import Call
from .composite import flag
from .errors import ApiError
from .parts import Answer, Dispatch, Part, answer, refused

MAX_PARTS: Final = 25


def batch(call: Call, dispatch: Dispatch) -> Reply:
    """Answer `POST /composite/batch`: each part counts as a call; with haltOnError a failure halts the rest (412)."""
    given = call.json.get("batchRequests")
    if not isinstance(given, list) or not given:
        raise ApiError(400, "JSON_PARSER_ERROR", "batchRequests must be an array that is not empty")
    if len(given) > MAX_PARTS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"A batch takes at most {MAX_PARTS} subrequests")
    parts = [_part(each) for each in given]
    halts = flag(call.json, "haltOnError")
    answers: list[Answer] = []
    for place, part in enumerate(parts):
        if halts and any(each.failed for each in answers):
            answers.append(_HALTED)
        else:
            answers.append(_counted(call, part, dispatch, first=place == 0))
    results: list[Json] = [{"statusCode": each.status, "result": each.body} for each in answers]
    return Reply(200, {"hasErrors": any(each.failed for each in answers), "results": results})


def _counted(call: Call, part: Part, dispatch: Dispatch, *, first: bool) -> Answer:
    """Answer a part; the call of the whole batch has paid for the first one."""
    try:
        if not first:
            call.org.quota.charge()
    except ApiError as refusal:
        return refused(refusal)
    return answer(call, part, dispatch)


def _part(given: Json) -> Part:
    if not isinstance(given, Mapping):
        raise ApiError(400, "JSON_PARSER_ERROR", "batchRequests must hold JSON objects")
    method, url = given.get("method"), given.get("url")
    if not isinstance(method, str) or not isinstance(url, str):
        raise ApiError(400, "INVALID_INPUT", "Each subrequest of a batch needs a method and a url")
    if any(given.get(name) is not None for name in ("binaryPartName", "binaryPartNameAlias")):
        raise ApiError(400, "INVALID_INPUT", "This batch carries no binary parts: send it as multipart/form-data")
    path = url if url.startswith("/") else f"/services/data/{url}"
    return Part(method.upper(), path, given.get("richInput"))


_HALTED: Final = refused(ApiError(412, "BATCH_PROCESSING_HALTED", "Batch processing halted per request"))
