"""What of an exchange is written, and what is not?"""

from collections.abc import Mapping
from dataclasses import dataclass

from isthmus.core.cassettes.form import About, Answered, Asked, Body, Interaction, Status, host_of
from isthmus.core.cassettes.headers import ANTI_FORGERY, HEADERS, media_type
from isthmus.core.cassettes.held import Held
from isthmus.core.cassettes.judging import Judgement
from isthmus.core.cassettes.learning import Learnt
from isthmus.core.cassettes.multipart import boundary_told, is_batch
from isthmus.core.cassettes.sides import Answers, Requests
from isthmus.core.cassettes.walking import Leaf, Seen, body_walked, query_walked, segments_walked

__all__ = ["Scrubber"]


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Writes the exchanges of a run, of which everything is learnt by now; `ran` is when it began and when it ended."""

    learnt: Learnt
    ran: tuple[float, float] = (0.0, 0.0)

    def scrub(self, one: Held) -> Interaction:
        """Return an exchange as it is to be written."""
        if not one.metadata and (one.judgement is None or one.judgement.opaque):
            return _unlabelled(one)
        judgement = one.judgement or Judgement("")
        asks = Requests(self.learnt, one, ran=self.ran)
        answers = Answers(self.learnt, one, asks=asks)
        path, _, query = one.target.partition("?")
        address = host_of(one.connection) + segments_walked(path, asks.seen)
        if query:
            address += "?" + query_walked(query, judgement, asks.seen)
        asked, why_not_asked = self._body(one, one.body, one.body_type, asks.seen)
        answered, why_not_answered = self._body(one, one.answer, one.answer_type, answers.seen)
        known = asks.labels | answers.labels
        about = About(
            connection=one.connection,
            call=one.number,
            metadata=one.metadata,
            labels={name: sorted(known[name].classes) for name in sorted(known)},
            names=sorted(asks.names | answers.names),
            stood=sorted(asks.stood),
            moments=sorted(asks.moments),
            asked=one.asked or why_not_asked,
            answered=one.lost or why_not_answered,
        )
        request = Asked(one.method, address, asked or None, self._headers(one.asked_with, asks.seen))
        response = Answered(
            Status(one.status, ""), self._headers(one.answered_with, answers.seen), Body(answered or "")
        )
        return Interaction(request, response, about)

    def _body(self, one: Held, body: bytes, kind: str, seen: Seen) -> tuple[str | None, str]:
        if not body:
            return "", ""
        if one.metadata:
            return body.decode("utf-8", errors="replace").replace(one.origin, host_of(one.connection)), ""
        return body_walked(body, kind, one.judgement or Judgement(""), seen)

    def _headers(self, found: Mapping[str, str], seen: Seen) -> dict[str, list[str]]:
        told = {}
        for name, value in sorted(found.items()):
            if name == ANTI_FORGERY:
                told[name] = ["replayed"]
            elif name in ("content-type", "accept"):
                kind = media_type(value)
                told[name] = [boundary_told() if is_batch(kind) and name == "content-type" else kind]
            elif name in ("location", "link"):
                told[name] = [str(seen(Leaf(value, name, None)))]
            elif name in HEADERS:
                told[name] = [self.learnt.without(value)]
        return told


def _unlabelled(one: Held) -> Interaction:
    """Write no more of an exchange than that it was: its address may hold values too."""
    why = one.lost or "the answer was handed on as it came, so nothing is known of its values"
    about = About(one.connection, one.number, asked=why, answered=why)
    request = Asked(one.method, host_of(one.connection) + "/-", None, {})
    return Interaction(request, Answered(Status(one.status, ""), {}, Body("")), about)
