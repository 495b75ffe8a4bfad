"""Do hostile ids, names and values stay what they are: one segment, one name, one literal?"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote

import httpx2

from isthmus.core.connector import Key
from isthmus.core.records import JSON, AllOf, Compare, Operator, Order
from isthmus.core.testing.bench import Bench, Exchange, Replay
from isthmus.core.testing.calls import (
    Call,
    attaching,
    creating,
    downloading,
    getting,
    operation_of,
    querying,
    updating,
    uploading,
)
from isthmus.core.testing.classifying import shown
from isthmus.core.testing.promise import Promise, implements
from isthmus.core.testing.violation import broken, demand

__all__ = ["NEUTRAL", "PROMISES", "VALUES", "placed", "stays"]

NEUTRAL = "k1tneutral"
IDS = (
    *("../admin", "..", ".", "7/../8", "7/8", "7%2f..%2f8", "7%252f8", "%2e%2e", "7\\..\\8", "7?x=1", "7#x", "7;x=1"),
    *("7&x=1", "7 8", "7\r\nX-Kit: 1", "7\x00", "7\u2028", "\ud800", "７／８", "7'", '7"', "7')", "*", "7,8", "", " "),
)
NAMES = (
    *("k1t/../x", "k1t?x=1", "k1t#x", "k1t, Other", "k1t WHERE 1 = 1", "k1t--", "k1t'", 'k1t"', "k1t)", "k1t;x"),
    *("k1t\r\nX: 1", "k1t\x00", "../k1t", "k1t%2f", "k1t x", "*", "k1t&x=1", "ｋ１ｔ／x"),
)
VALUES = (
    *("O'Brien", "test' OR Name != null", "test\\' OR Name != null --", "\\", "\\\\'", "'", "''", "'' or 1 eq 1", '"'),
    *('" or ""="', "a^ORactive=true", "a^NQx=1", "JaVaScRiPt:gs.sleep(1)", "..%2f..%2f", "100%", "a_b%c", "a&b=c"),
    *(
        "a=b;c",
        "a,b",
        "a)b(",
        "{a}",
        "[a]",
        "*",
        "?",
        "line\nbreak",
        "tab\tbed",
        "\r\n",
        "nul\x00",
        "\u2019",
        "＇",
        "𝄞",
    ),
    *("\ud800", "<x>&amp;]]>", "${x}", "{{x}}", ":x", "$filter", "null", "true", "7", "@x", "=1+1", "é" * 300, "ENDS "),
)
Place: TypeAlias = tuple[str, ...]


def placed(request: httpx2.Request) -> Iterator[tuple[Place, str]]:
    """Yield every place of a request that can hold a text, with the text as the system will read it."""
    yield ("method",), request.method
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    for at, segment in enumerate(path.split("/")):
        yield ("path", str(at)), unquote(segment)
    for at, (name, value) in enumerate(parse_qsl(query, keep_blank_values=True)):
        yield ("parameter", str(at), name), value
    for name in sorted(request.headers):
        yield ("header", name), ""
    yield from _body(request)


def _body(request: httpx2.Request) -> Iterator[tuple[Place, str]]:
    text = request.content.decode("utf-8", "surrogateescape")
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        for at, (name, value) in enumerate(parse_qsl(text, keep_blank_values=True)):
            yield ("form", str(at), name), value
    elif "json" in kind:
        yield from _leaves(json.loads(text), ("body",))
    elif text:
        yield ("body",), text


def _leaves(value: JSON, here: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves(one, (*here, name))
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from _leaves(one, (*here, str(at)))
    else:
        yield here, value if isinstance(value, str) else json.dumps(value)


def stays(
    bench: Bench,
    neutral: Call,
    hostile: Call,
    was: str,
    now: str,
    *,
    what: str,
    recorded: Sequence[Exchange] | None = None,
) -> None:
    """Compare a call with a hostile text to the same call with a plain one; refusing it unsent is right too."""
    recorded = bench.recording(neutral.name).exchanges if recorded is None else recorded
    plain = bench.play(neutral, Replay(recorded)).exchanges
    outcome = bench.play(hostile, Replay(recorded))
    demand(
        outcome.typed,
        f"{hostile.name} with {what} {now[:60]!a} raised {type(outcome.error).__name__}: {outcome.error!a:.120}",
        "raise InvalidArguments for what the system cannot take",
    )
    for before, after in zip(plain, outcome.exchanges, strict=False):
        _same(bench, before, after, was, now, f"{what} {now[:60]!a}")


def _same(bench: Bench, before: Exchange, after: Exchange, was: str, now: str, what: str) -> None:
    old, new = list(placed(before.request)), list(placed(after.request))
    demand(
        [place for place, _ in old] == [place for place, _ in new],
        f"{what} changed the structure of the request to {shown(after.request)}",
        "build paths with path(), pass parameters as `params` and bodies as `json`; never write them into a text",
    )
    for (place, had), (_, has) in zip(old, new, strict=True):
        if had == was:
            demand(has == now, f"{what} arrived as {has[:60]!a} in {'.'.join(place)}", "encode it exactly once")
        elif was in had:
            _same_text(bench, had, has, (was, now), what)


def _same_text(bench: Bench, had: str, has: str, texts: tuple[str, str], what: str) -> None:
    was, now = texts
    dissect = bench.examples.dissect
    if dissect is None:
        broken(
            f"a plain value is written into the text {had[:80]!a}",
            "pass it as a parameter or JSON value of its own; or, where the system has a query language, give "
            "Examples.dissect, a reader of that language that is not the code under test",
        )
    (structure, literals), (structure_now, literals_now) = dissect(had), dissect(has)
    wanted = [now if one == was else one for one in literals]
    demand(
        structure == structure_now and list(literals_now) == wanted,
        f"{what} became {has[:160]!a}",
        "write literals with the one escaping rule that the language documents, and names from the catalogue only",
    )


def _ids(bench: Bench) -> None:
    told, verbs = bench.examples, bench.verbs
    for id in IDS:
        if "get" in verbs:
            stays(bench, getting(bench.subject, told.id), getting(bench.subject, id), told.id, id, what="the id")
        if "update" in verbs:
            plain = updating(bench.subject, told.changes)
            stays(bench, plain, updating(bench.subject, told.changes, id), told.id, id, what="the id")
        if "delete" in verbs:
            stays(bench, _deleting(bench, told.id), _deleting(bench, id), told.id, id, what="the id")
        if "attach" in verbs:
            plain, file = attaching(bench.subject, uploading()), uploading()
            stays(bench, plain, attaching(bench.subject, file, id), told.id, id, what="the id")
        if "download" in verbs:
            plain, file_id = downloading(bench.subject, told.file), f"{told.file}{id}"
            stays(bench, plain, downloading(bench.subject, told.file, id), told.id, id, what="the id")
            stays(bench, plain, downloading(bench.subject, file_id), told.file, file_id, what="the file")


def _deleting(bench: Bench, id: str) -> Call:
    about = bench.examples.object
    return Call("delete", operation_of(bench.subject, "delete", records=(id,)), lambda one: one.delete(about, id, None))


def _names(bench: Bench) -> None:
    subject, told = bench.subject, bench.examples
    nobody = bench.run(_describing(bench, "K1tNothing"))
    demand(
        nobody.error is not None and nobody.typed,
        f"catalogue described an object that does not exist: {nobody.error!r}",
        "raise NotFound where there is no such object",
    )
    for name in NAMES:
        found = bench.play(_describing(bench, name), Replay(bench.recording("catalogue").exchanges))
        demand(found.error is not None or found.exchanges, f"catalogue described {name!a}", "raise NotFound")
        stays(bench, _describing(bench, told.object), _describing(bench, name), told.object, name, what="the object")
        if "get" in bench.verbs:
            plain, other = getting(subject, told.id), getting(subject, told.id, name)
            stays(bench, plain, other, told.object, name, what="the object")
        if "query" in bench.verbs:
            stays(bench, querying(subject), querying(subject, object=name), told.object, name, what="the object")
            _fields(bench, name)


def _fields(bench: Bench, name: str) -> None:
    subject, text = bench.subject, bench.examples.text
    pairs = [
        (querying(subject, select=(text,)), querying(subject, select=(name,))),
        (querying(subject, Compare(text, Operator.EQ, "7")), querying(subject, Compare(name, Operator.EQ, "7"))),
        (querying(subject, order_by=(Order(text),)), querying(subject, order_by=(Order(name),))),
    ]
    for plain, hostile in pairs:
        if bench.play(plain, Replay(bench.recording("query").exchanges)).exchanges:
            stays(bench, plain, hostile, text, name, what="the field")


def _describing(bench: Bench, name: str) -> Call:
    return Call("catalogue", operation_of(bench.subject, "catalogue", name), lambda one: one.catalogue(name))


def _values(bench: Bench) -> None:
    for value in VALUES:
        for plain, hostile in zip(_carrying(bench, NEUTRAL), _carrying(bench, value), strict=True):
            stays(bench, plain, hostile, NEUTRAL, value, what="the value")
    for call in _carrying(bench, NEUTRAL):
        sent = bench.play(call, Replay(bench.recording(call.name).exchanges)).exchanges
        demand(
            any(NEUTRAL in text for one in sent for _, text in placed(one.request)),
            f"{call.name} with the value {NEUTRAL!r} sent it in no request",
            "send every condition and value, or refuse the call",
        )


def _carrying(bench: Bench, value: str) -> Sequence[Call]:
    """Return a call of each verb with a value in each place that the verb has for one."""
    subject, told, verbs = bench.subject, bench.examples, bench.verbs
    calls = []
    if "query" in verbs:
        same, other = Compare(told.text, Operator.EQ, value), Compare(told.text, Operator.NE, "k1tother")
        calls += [querying(subject, same), querying(subject, AllOf((other, same)))]
    if "create" in verbs:
        calls.append(creating(subject, {**told.values, told.text: value}, None))
        if told.key:
            calls.append(creating(subject, told.values, Key(told.key.field, value)))
    if "update" in verbs:
        calls.append(updating(subject, {**told.changes, told.text: value}))
    if "upsert" in verbs and told.key:
        key, doing = Key(told.key.field, value), operation_of(subject, "upsert")
        calls.append(Call("upsert", doing, lambda one: one.upsert(told.object, key, told.values)))
    return calls


PROMISES = (
    Promise(
        "an id is one segment or value of a request, or is refused",
        _ids,
        implements("get", "update", "delete", "attach", "download"),
    ),
    Promise("a name that is none is refused, and an unknown object is not found", _names),
    Promise(
        "a value arrives as exactly one literal, or is refused",
        _values,
        implements("query", "create", "update", "upsert"),
    ),
)
