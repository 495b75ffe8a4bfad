"""Which resources does a tenant have over REST?"""

from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Reply

from . import absence, bp, changes, payments, staffing, workers
from .routes import Route, dispatch
from .wql import run as wql

if TYPE_CHECKING:
    from .call import Call

_ROUTES: Final[tuple[Route, ...]] = (
    *workers.ROUTES,
    *staffing.ROUTES,
    *bp.ROUTES,
    *changes.ROUTES,
    *absence.ROUTES,
    *payments.ROUTES,
    *wql.ROUTES,
)


def answer(call: "Call") -> Reply:
    """Return the answer of the resource that the call's path names; raises Refused."""
    return dispatch(call, _ROUTES)
