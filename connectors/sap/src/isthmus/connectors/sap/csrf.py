"""Which CSRF token goes with a write? One fetch for each principal and service, whoever asks for it first."""

from collections.abc import Mapping

from isthmus.connectors.sap.flights import Flights
from isthmus.core.caller import Principal
from isthmus.core.errors import UpstreamRejected
from isthmus.core.http import Http, Path

__all__ = ["HEADER", "TOKEN_REFUSED", "Tokens", "refuses_token"]

HEADER = "x-csrf-token"
TOKEN_REFUSED = "CSRF_TOKEN_REQUIRED"  # noqa: S105 it is the name of a fault
"""The code of the fault of a write that was not carried out for want of a valid token."""
MOST = 10_000


class Tokens:
    """The tokens of one connection; each is good only with the cookies of the principal that it was fetched for."""

    def __init__(self) -> None:
        self._flights: Flights[tuple[Principal, Path], str] = Flights(MOST)

    async def of(self, http: Http, root: Path, headers: Mapping[str, str], *, spent: str | None = None) -> str:
        """Return the token for writes below a service's root, which ends with a slash; empty where it asks for none.

        `spent` is a token that the service refused: it is fetched anew, unless somebody else has done so by now.
        """

        async def fetch() -> str:
            # GET and not HEAD, which some services lack; the root is the smallest thing there is to read.
            answer = await http.get(root, headers={**headers, HEADER: "Fetch"})
            told = answer.headers.get(HEADER, "")
            return told if told.isascii() and told.isprintable() and told.lower() != "required" else ""

        return await self._flights.get((http.scope.principal, root), http, fetch, lambda known: known != spent)


def refuses_token(error: UpstreamRejected) -> bool:
    """Tell whether a write was refused for its token alone, so that it may go out again with a new one."""
    return error.vendor_code == TOKEN_REFUSED
