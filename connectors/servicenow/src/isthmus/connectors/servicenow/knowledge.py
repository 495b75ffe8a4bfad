"""Which articles does the instance's own knowledge search find?"""

import re
from collections.abc import Mapping, Sequence

from isthmus.connectors.servicenow.answers import row_of, text_at
from isthmus.connectors.servicenow.deeds import listed_in, result_of
from isthmus.connectors.servicenow.ids import is_id
from isthmus.connectors.servicenow.tables import Tables
from isthmus.core.connector import ObjectFacts
from isthmus.core.errors import UpstreamRejected
from isthmus.core.http import path
from isthmus.core.records import JSON, Row

__all__ = ["ARTICLES", "SEARCHED", "articles_of", "searches_text"]

ARTICLES, SEARCHED = "kb_knowledge", "text"
MOST = 100
_ID = re.compile(rf"{ARTICLES}:([0-9A-Za-z]{{32}})")


def searches_text(facts: ObjectFacts) -> bool:
    """Tell whether words are looked for in whole articles."""
    return facts.name == ARTICLES and SEARCHED in facts.searched


async def articles_of(tables: Tables, text: str, fields: Sequence[str], limit: int) -> Sequence[Row] | None:
    """Find articles by the service, best first, and read them from their table; None where there is no service."""
    params = {"query": text, "fields": "sys_id", "limit": str(min(limit, MOST))}
    try:
        found = result_of(await tables.http.get(path("/api/sn_km_api/knowledge/articles"), params=params))
    except UpstreamRejected as error:
        if error.vendor_code != "INVALID_URI":
            raise
        return None
    ids = [id for one in listed_in(found, "articles") if (id := _id(one))][:limit]
    if not ids:
        return ()
    kinds = await tables.kinds(ARTICLES, fields, control=True)
    rows = {text_at(one, "sys_id"): one for one in (await tables.by_id(ARTICLES, ids, tuple(kinds))).records}
    return [row_of(ARTICLES, rows[id], kinds) for id in ids if id in rows]


def _id(article: Mapping[str, JSON]) -> str:
    told = _ID.fullmatch(text_at(article, "id"))
    return told[1] if told and is_id(told[1]) else ""
