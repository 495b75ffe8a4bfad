"""Which resources does an instance have?"""

from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Reply

from . import table_api, tinyurl
from .routes import Routes, dispatch

if TYPE_CHECKING:
    from .call import Call

_ROUTES: Final[Routes] = (*table_api.ROUTES, *tinyurl.ROUTES)


def answer(call: "Call") -> Reply:
    """Return the answer of the resource that the call's path names; raises ApiError."""
    return dispatch(call, _ROUTES)
