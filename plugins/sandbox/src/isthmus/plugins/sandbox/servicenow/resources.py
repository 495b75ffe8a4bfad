"""Which resources does an instance have?"""

from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Reply

from . import (
    aggregate,
    attachments,
    catalog,
    change,
    cmdb,
    identify,
    import_sets,
    problems,
    services,
    table_api,
    tinyurl,
)
from .batch import batch_routes
from .routes import Routes, dispatch

if TYPE_CHECKING:
    from .call import Call

_SINGLE: Final[Routes] = (
    *table_api.ROUTES,
    *aggregate.ROUTES,
    *attachments.ROUTES,
    *import_sets.ROUTES,
    *tinyurl.ROUTES,
    *catalog.ROUTES,
    *change.ROUTES,
    *cmdb.ROUTES,
    *identify.ROUTES,
    *problems.ROUTES,
    *services.ROUTES,
)


def _answer_single(call: "Call") -> Reply:
    return dispatch(call, _SINGLE)


_ROUTES: Final[Routes] = (*_SINGLE, *batch_routes(_answer_single))


def answer(call: "Call") -> Reply:
    """Return the answer of the resource that the call's path names; raises ApiError."""
    return dispatch(call, _ROUTES)
