"""Which smaller services does an instance have: knowledge, classes of data?"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply

from .errors import may_not_query
from .routes import route
from .store import Row
from .table_api import visible

if TYPE_CHECKING:
    from .call import Call

_TAG: Final = re.compile(r"<[^>]+>")


def search_articles(call: "Call", _arguments: Sequence[str]) -> Reply:
    """Answer GET on articles that hold all the words."""
    table, words = call.table("kb_knowledge"), call.query.get("query", "").casefold().split()
    compiled = call.compile(table, call.query.get("filter", ""))
    rows = [
        row
        for row in compiled.run(call.store.scan(table))
        if call.access.row("read", table, row)
        and all(word in f"{row['short_description']} {row['text']}".casefold() for word in words)
    ]
    start = call.number("offset", 0)
    page = rows[start : start + call.number("limit", 30)]
    meta: dict[str, Json] = {
        "start": start,
        "end": start + len(page),
        "count": len(rows),
        "query": call.query.get("query", ""),
        "filter": call.query.get("filter", ""),
        "fields": call.query.get("fields", "short_description"),
        "status": {"code": 200},
    }
    return Reply(200, {"result": {"meta": meta, "articles": [_found(call, row) for row in page]}})


def _found(call: "Call", row: Row) -> Json:
    table, names = call.store.schema["kb_knowledge"], call.query.get("fields", "").split(",")
    fields: dict[str, Json] = {}
    for name in names:
        column = table.columns.get(name.strip())
        if column is not None:
            value, display = call.shown.value(column, row), call.shown.display(table, column, row)
            fields[column.name] = {"display_value": display, "name": column.name, "label": column.label, "value": value}
    return {
        "id": f"kb_knowledge:{row['sys_id']}",
        "link": f"?id=kb_article_view&sysparm_article={row['number']}",
        "number": row["number"],
        "title": row["short_description"],
        "snippet": _TAG.sub("", row["text"])[:200],
        "score": -1,
        "tags": [],
        "fields": fields,
    }


def read_article(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on an article, named by number or sys_id."""
    by_number = call.store.first("kb_knowledge", number=arguments[0])
    row = visible(call, call.table("kb_knowledge"), by_number["sys_id"] if by_number else arguments[0])
    known: dict[str, Json] = {"content": row["text"], "number": row["number"], "sys_id": row["sys_id"]}
    more: dict[str, Json] = {"short_description": row["short_description"], "template": False}
    return Reply(
        200, {"result": {**known, **more, "display_attachments": True, "attachments": [], "embedded_content": []}}
    )


def read_data_classes(call: "Call", _arguments: Sequence[str]) -> Reply:
    """Answer GET on the classes of data."""
    table = call.table("data_classification")
    if not call.access.may("read", table):
        raise may_not_query()
    rows = sorted(call.store.scan(table), key=lambda row: int(row["order"] or 0))
    names = ("sys_id", "name", "description", "parent")
    return Reply(200, {"result": [{name: row[name] for name in names} for row in rows]})


ROUTES: Final = (
    route("GET", "sn_km_api/knowledge/articles", search_articles),
    route("GET", "sn_km_api/knowledge/articles/{}", read_article),
    route("GET", "*/data_classification/getAllDataClasses", read_data_classes),
)
