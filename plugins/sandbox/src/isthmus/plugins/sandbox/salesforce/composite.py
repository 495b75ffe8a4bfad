"""How are several requests answered in one, where later ones may refer to earlier ones?"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from isthmus.plugins.sandbox.message import Json, Reply

from .call import Call
from .errors import ApiError
from .parts import Answer, Dispatch, Part, answer, refused
from .references import References

MAX_PARTS: Final = 25
MAX_QUERIES: Final = 5
MAX_GRAPHS: Final = 75
MAX_NODES: Final = 500
_REFERENCE_ID: Final = re.compile(r"[A-Za-z]\w*", re.ASCII)
_COUNTED: Final = re.compile(r"/services/data/v[\d.]+/(?:query|queryAll|composite/sobjects)(?:[/?].*)?", re.DOTALL)
_SHOWN: Final = frozenset({"Location", "ETag", "Last-Modified"})
_METHODS: Final = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"})


@dataclass(frozen=True, slots=True)
class Numbered:
    """A part and the id under which later parts refer to it."""

    reference: str
    part: Part


def composite(call: Call, dispatch: Dispatch) -> Reply:
    """Answer `POST /composite`: 200 whatever becomes of the parts; with allOrNone, all of them or none.

    At most 25 parts, at most 5 of them queries or collections (REST API Developer Guide, "Composite").
    """
    flag(call.json, "collateSubrequests")
    parts = _parts(call.json.get("compositeRequest"))
    if len(parts) > MAX_PARTS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"A composite request takes at most {MAX_PARTS} subrequests")
    if sum(_COUNTED.fullmatch(each.part.url) is not None for each in parts) > MAX_QUERIES:
        message = f"At most {MAX_QUERIES} subrequests may be queries or sObject collections"
        raise ApiError(400, "LIMIT_EXCEEDED", message)
    results, _ = _answered(call, parts, dispatch, all_or_none=flag(call.json, "allOrNone"))
    return Reply(200, {"compositeResponse": results})


def graph(call: Call, dispatch: Dispatch) -> Reply:
    """Answer `POST /composite/graph`: each graph is a transaction of its own; at most 75 graphs and 500 nodes."""
    graphs = [_object(each, "graphs") for each in _array(call.json.get("graphs"), "graphs")]
    if len(graphs) > MAX_GRAPHS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"A request takes at most {MAX_GRAPHS} graphs")
    numbered = [(_identifier(each.get("graphId"), "graphId"), _parts(each.get("compositeRequest"))) for each in graphs]
    if len({name for name, _ in numbered}) < len(numbered):
        raise ApiError(400, "INVALID_INPUT", "The graphId of each graph must be unique")
    if sum(len(parts) for _, parts in numbered) > MAX_NODES:
        raise ApiError(400, "LIMIT_EXCEEDED", f"The graphs of a request take at most {MAX_NODES} nodes together")
    answers: list[Json] = []
    for name, parts in numbered:
        results, done = _answered(call, parts, dispatch, all_or_none=True)
        answers.append({"graphId": name, "graphResponse": {"compositeResponse": results}, "isSuccessful": done})
    return Reply(200, {"graphs": answers})


def flag(body: Mapping[str, Json], name: str) -> bool:
    """Return a flag of an envelope, false where it is missing; raises ApiError where it is none."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise ApiError(400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of boolean from value {value}")
    return value


def _answered(
    call: Call, parts: Sequence[Numbered], dispatch: Dispatch, *, all_or_none: bool
) -> tuple[list[Json], bool]:
    references = References()
    answers: list[Answer] = []
    with call.transaction() as roll_back:
        for each in parts:
            given = _one(call, each.part, references, dispatch, all_or_none=all_or_none)
            answers.append(given)
            if given.failed and all_or_none:
                break
            if not given.failed:
                references.add(each.reference, given.body)
        done = not any(each.failed for each in answers)
        if not done and all_or_none:
            roll_back()
            answers = [each if each.failed else _HALTED for each in answers]
            answers += [_HALTED] * (len(parts) - len(answers))
    return [_written(each, given) for each, given in zip(parts, answers, strict=True)], done


def _one(call: Call, part: Part, references: References, dispatch: Dispatch, *, all_or_none: bool) -> Answer:
    try:
        resolved = references.resolve(part)
    except ApiError as refusal:
        return refused(refusal)
    given = answer(call, resolved, dispatch)
    return Answer(400, given.body) if all_or_none and _hides_failure(given.body) else given


def _hides_failure(body: Json) -> bool:
    """Say whether a collection answered 200 although one of its rows failed."""
    return isinstance(body, list) and any(isinstance(row, Mapping) and row.get("success") is False for row in body)


def _written(each: Numbered, given: Answer) -> Json:
    return {
        "body": given.body,
        "httpHeaders": {name: value for name, value in given.headers.items() if name in _SHOWN},
        "httpStatusCode": given.status,
        "referenceId": each.reference,
    }


def _parts(given: Json) -> list[Numbered]:
    parts = [_numbered(_object(each, "compositeRequest")) for each in _array(given, "compositeRequest")]
    seen: set[str] = set()
    for each in parts:
        if each.reference in seen:
            raise ApiError(400, "INVALID_INPUT", f"Duplicate ReferenceId provided: {each.reference}")
        seen.add(each.reference)
    return parts


def _numbered(given: Mapping[str, Json]) -> Numbered:
    reference = _identifier(given.get("referenceId"), "referenceId")
    method, url, headers = given.get("method"), given.get("url"), given.get("httpHeaders") or {}
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise ApiError(400, "INVALID_INPUT", f"The method of subrequest {reference} is missing or unknown")
    if not isinstance(url, str):
        raise ApiError(400, "INVALID_INPUT", f"The url of subrequest {reference} is missing")
    told = {name: str(value) for name, value in _object(headers, "httpHeaders").items()}
    return Numbered(reference, Part(method.upper(), url, given.get("body"), told))


def _identifier(given: Json, name: str) -> str:
    text = given if isinstance(given, str) else ""
    if (name == "referenceId" and _REFERENCE_ID.fullmatch(text) is None) or not text:
        message = f"{name} must start with a letter and hold letters, digits and underscores only: {text}"
        raise ApiError(400, "INVALID_INPUT", message)
    return text


def _array(given: Json, name: str) -> Sequence[Json]:
    if not isinstance(given, list) or not given:
        raise ApiError(400, "JSON_PARSER_ERROR", f"{name} must be an array that is not empty")
    return given


def _object(given: Json, name: str) -> Mapping[str, Json]:
    if not isinstance(given, Mapping):
        raise ApiError(400, "JSON_PARSER_ERROR", f"{name} must hold JSON objects")
    return given


_HALTED: Final = refused(
    ApiError(
        400,
        "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed.",
    )
)
