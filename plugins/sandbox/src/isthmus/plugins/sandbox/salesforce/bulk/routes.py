"""Which path and method of Bulk API 2.0 does which function answer?"""

from collections.abc import Callable, Mapping
from typing import Final

from isthmus.plugins.sandbox.message import Reply

from . import ingest, query

ROUTES: Final[tuple[tuple[str, Mapping[str, Callable[..., Reply]]], ...]] = (
    ("jobs/ingest", {"GET": ingest.listing, "POST": ingest.create}),
    ("jobs/ingest/([^/]+)", {"GET": ingest.read, "PATCH": ingest.change, "DELETE": ingest.delete}),
    ("jobs/ingest/([^/]+)/batches", {"PUT": ingest.upload}),
    ("jobs/ingest/([^/]+)/successfulResults", {"GET": ingest.successful}),
    ("jobs/ingest/([^/]+)/failedResults", {"GET": ingest.failed}),
    ("jobs/ingest/([^/]+)/unprocessed[rR]ecords", {"GET": ingest.unprocessed}),
    ("jobs/query", {"GET": query.listing, "POST": query.create}),
    ("jobs/query/([^/]+)", {"GET": query.read, "PATCH": query.change, "DELETE": query.delete}),
    ("jobs/query/([^/]+)/results", {"GET": query.results}),
)
"""Patterns are of the path behind `/services/data/vXX.0/`."""
