"""What would a request to a web service do? Its operation tells, and whether it is to skip approvals."""

import re
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from httpx2 import Request

from isthmus.connectors.workday.settings import WorkdaySettings
from isthmus.connectors.workday.soap.writes import WHOLE, WRITES
from isthmus.connectors.workday.soap.xml import BSVC, ENVELOPE, local, parsed
from isthmus.core.errors import UpstreamError
from isthmus.core.http import segments
from isthmus.core.operation import Effect, RequestClass

__all__ = ["SoapClassifier"]


class SoapClassifier:
    """Classifies by the operations that a connection allows; a service that is asked by GET has no records."""

    def __init__(self, settings: WorkdaySettings) -> None:
        self._settings = settings
        self._form = re.compile(f"{re.escape(f'{settings.soap}/{settings.tenant}')}(?P<rest>/[A-Za-z_]+/v[0-9.]+)")

    def __call__(self, request: Request) -> Sequence[RequestClass]:
        """Classify one request; an empty answer means that it is not known to be harmless."""
        steps = segments(request, self._form)
        if steps is None or request.method != "POST" or request.url.query:
            return ()
        service, version = steps
        if version != self._settings.version:
            return ()
        try:
            root = parsed(request.content)
        except UpstreamError:
            return ()
        head, body = (list(root.iterfind(f"{{{ENVELOPE}}}{name}")) for name in ("Header", "Body"))
        plain = len(body) == 1 and len(body[0]) == 1 and not any(len(one) for one in head)
        if root.tag != f"{{{ENVELOPE}}}Envelope" or not plain or len(root) != len(head) + 1:
            return ()
        return self._asked(body[0][0], service, version)

    def _asked(self, asked: Element, service: str, version: str) -> Sequence[RequestClass]:
        operation = local(asked).removesuffix("_Request")
        own = self._settings.operations.get(operation)
        if own is None or own.service != service or asked.tag != f"{{{BSVC}}}{operation}_Request":
            return ()
        if asked.get(f"{{{BSVC}}}version") != version or (_skips(asked) and not self._settings.auto_complete):
            return ()
        if operation.startswith("Get_"):
            ids = tuple(_ids(asked, "Request_References"))
            return (RequestClass(Effect.READ, f"{WHOLE}.{operation.removeprefix('Get_')}", ids),)
        write = WRITES.get(operation)
        if write is None:
            return ()
        ids = tuple(_ids(asked, f"{write.item}_Reference")) if write.item else ()
        # Whom it is about has to be told, and once: what a tenant makes of two is not known.
        return (RequestClass(Effect.EXECUTE, write.object, ids),) if len(ids) == bool(write.item) else ()


def _skips(asked: Element) -> bool:
    """Tell whether approvals would be skipped; XML has two words for no (XML Schema part 2, 3.2.2.1)."""
    told = ((one.text or "").strip() for one in asked.iter() if local(one) == "Auto_Complete")
    return any(one not in ("false", "0") for one in told)


def _ids(asked: Element, name: str) -> Iterator[str]:
    for references in asked.iter(f"{{{BSVC}}}{name}"):
        for one in references.iter(f"{{{BSVC}}}ID"):
            kind, value = one.get(f"{{{BSVC}}}type", ""), (one.text or "").strip()
            yield value if kind == "WID" else f"{kind}={value}"
