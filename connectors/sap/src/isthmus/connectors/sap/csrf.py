"""Which CSRF token goes with a write? One fetch for each principal and service, whoever asks for it first."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

from isthmus.core.caller import Principal
from isthmus.core.errors import IsthmusError, Refused, RetryLater, UpstreamRejected
from isthmus.core.http import Http, Path
from isthmus.core.resilience import Deadline

__all__ = ["HEADER", "TOKEN_REFUSED", "Tokens", "refuses_token"]

HEADER = "x-csrf-token"
TOKEN_REFUSED = "CSRF_TOKEN_REQUIRED"  # noqa: S105 it is the name of a fault
"""The code of the fault of a write that was not carried out for want of a valid token."""
MOST = 10_000
"""Tokens kept; the one that was not used for longest goes first."""

_Key = tuple[Principal, Path]
_Fetch = tuple["asyncio.Task[str]", Deadline]


class Tokens:
    """The tokens of one connection; each is good only with the cookies of the principal that it was fetched for."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Key, str] = OrderedDict()
        self._fetching: dict[_Key, _Fetch] = {}

    async def of(
        self, http: Http, root: Path, *, params: Mapping[str, str] | None = None, spent: str | None = None
    ) -> str:
        """Return the token for writes below a service's root, which ends with a slash; empty where it asks for none.

        `spent` is a token that the service refused: it is fetched anew, unless somebody else has done so by now.
        """
        key = (http.scope.principal, root)
        while True:
            known = self._known.get(key)
            if known is not None and known != spent:
                self._known.move_to_end(key)
                return known
            fetch = self._fetching.get(key)
            if mine := fetch is None:
                fetch = self._begin(key, http, params or {})
            task, deadline = fetch
            try:
                async with asyncio.timeout(http.scope.deadline.remaining()):
                    # Shielded: a caller who leaves must not take the fetch of all others with him.
                    return await asyncio.shield(task)
            except TimeoutError as error:
                raise RetryLater(
                    "the service gave no CSRF token within the deadline; nothing was written: repeat the call later",
                    subject=http.scope.operation.tool,
                    object=http.scope.operation.target,
                ) from error
            except IsthmusError as error:
                if mine or not _of_its_caller(error, deadline):
                    raise

    def _begin(self, key: _Key, http: Http, params: Mapping[str, str]) -> _Fetch:
        task = asyncio.ensure_future(_fetched(http, key[1], params))
        fetch = self._fetching[key] = task, http.scope.deadline
        task.add_done_callback(lambda done: self._end(key, done))
        return fetch

    def _end(self, key: _Key, task: "asyncio.Task[str]") -> None:
        self._fetching.pop(key, None)
        # Looked at here too, for the caller who would have raised it may be gone.
        if task.cancelled() or task.exception() is not None:
            return
        self._known[key] = task.result()
        self._known.move_to_end(key)
        if len(self._known) > MOST:
            self._known.popitem(last=False)


async def _fetched(http: Http, root: Path, params: Mapping[str, str]) -> str:
    # GET and not HEAD, which some services lack; the root is the smallest thing there is to read.
    answer = await http.get(root, params=params, headers={HEADER: "Fetch"})
    told = answer.headers.get(HEADER, "")
    return told if told.isascii() and told.isprintable() and told.lower() != "required" else ""


def _of_its_caller(error: IsthmusError, deadline: Deadline) -> bool:
    """Tell whether a fetch failed by what its caller had, time or budget, and not by what the system said."""
    return isinstance(error, Refused) or (isinstance(error, RetryLater) and deadline.expired)


def refuses_token(error: UpstreamRejected) -> bool:
    """Tell whether a write was refused for its token alone, so that it may go out again with a new one."""
    return error.vendor_code == TOKEN_REFUSED
