"""What would a request to a REST service do? Read off method, path, parameters and body."""

import re
from collections.abc import Mapping, Sequence

from httpx2 import Request

from isthmus.connectors.workday.ids import is_id, is_own
from isthmus.connectors.workday.rest.processes import PROCESSES, TRANSITIONS
from isthmus.connectors.workday.settings import WorkdaySettings
from isthmus.connectors.workday.shapes import Collection
from isthmus.core.errors import UpstreamError
from isthmus.core.http import parameters, parse_json, segments
from isthmus.core.operation import Effect, RequestClass

__all__ = ["RestClassifier"]

MOST = 100
_PAGING = frozenset({"limit", "offset"})


class RestClassifier:
    """Classifies by the collections of a connection; an empty answer means that it is not known to be harmless."""

    def __init__(self, settings: WorkdaySettings, collections: Mapping[str, Collection]) -> None:
        self._collections = {(one.object.partition(".")[0], one.path): one for one in collections.values()}
        self._forms = {
            alias: re.compile(f"{re.escape(f'{settings.rest}/{service}/{settings.tenant}')}(?P<rest>(?:/[^/]+)+)/?")
            for alias, service in settings.services.items()
        }
        self._services = settings.services

    def __call__(self, request: Request) -> Sequence[RequestClass]:
        """Classify one request."""
        params = parameters(request)
        if params is None or request.url.raw_path.partition(b"?")[0].endswith(b"/"):
            return ()
        for alias, form in self._forms.items():
            steps = segments(request, form)
            if steps is not None:
                return self._below(request, alias, steps, params)
        return ()

    def _below(
        self, request: Request, alias: str, steps: Sequence[str], params: Mapping[str, str]
    ) -> Sequence[RequestClass]:
        names, ids = tuple(steps[::2]), tuple(steps[1::2])
        own_worker = request.method == "GET" and is_own(names, ids)
        if not own_worker and not all(is_id(one) for one in ids):
            return ()
        if request.method == "POST":
            return () if params else self._posted(request, alias, names, ids)
        one = self._collections.get((alias, names))
        if request.method != "GET" or request.content or one is None:
            return ()
        own = len(ids) == len(names)
        known = (_PAGING | set(one.parameters) | ({"search"} if one.search else set())) if not own else {one.as_of}
        if not params.keys() <= known or not _paged(params) or (own and not one.single):
            return ()
        return (RequestClass(Effect.READ, one.object, (ids[-1],) if own else ()),)

    def _posted(
        self, request: Request, alias: str, names: tuple[str, ...], ids: tuple[str, ...]
    ) -> Sequence[RequestClass]:
        """Tell what a write begins: a process about a record, or the answer to a step of one."""
        if len(ids) != 1 or len(names) != 2 or not _is_entity(request.content):
            return ()
        (home, action), (id,) = names, ids
        state = TRANSITIONS.get(action) if home == "eventSteps" else None
        if state is not None and self._services[alias].startswith("businessProcess/"):
            return (RequestClass(Effect.TRANSITION, f"{alias}.eventSteps", (id,), to_state=state),)
        process = PROCESSES.get(action)
        if process is None or home != "workers" or self._services[alias] not in process.services:
            return ()
        return (RequestClass(Effect.EXECUTE, f"{alias}.workers", (id,)),)


def _paged(params: Mapping[str, str]) -> bool:
    limit, offset = params.get("limit", "1"), params.get("offset", "0")
    figures = all(one.isascii() and one.isdecimal() and len(one) < 9 for one in (limit, offset))
    return figures and 1 <= int(limit) <= MOST


def _is_entity(content: bytes) -> bool:
    try:
        return isinstance(parse_json(content), Mapping)
    except UpstreamError:
        return False
