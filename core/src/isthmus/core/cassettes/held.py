"""What is kept of an exchange in memory until it is known what it holds?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from isthmus.core.cassettes.judging import Judgement

__all__ = ["Held"]


@dataclass(frozen=True, slots=True)
class Held:
    """One exchange as it was; `target` is path and query, `number` counts the calls of the run.

    `metadata` is True where the connector reads off the request that no record is in the answer. `judgement` is there
    once the call was labelled. `asked` and `lost` say why the body of the request, and of the answer,
    is not here.
    """

    connection: str
    origin: str
    call: str
    number: int
    method: str
    target: str
    asked_with: Mapping[str, str]
    body: bytes
    status: int
    answered_with: Mapping[str, str]
    answer: bytes
    metadata: bool = False
    judgement: Judgement | None = None
    asked: str = ""
    lost: str = ""

    @property
    def body_type(self) -> str:
        """Return the type of the request's body."""
        return self.asked_with.get("content-type", "")

    @property
    def answer_type(self) -> str:
        """Return the type of the answer's body."""
        return self.answered_with.get("content-type", "")

    @property
    def size(self) -> int:
        """Return the bytes that it takes."""
        return len(self.body) + len(self.answer)

    def without_bodies(self, why: str) -> "Held":
        """Return it without its bodies."""
        return replace(self, body=b"", answer=b"", asked=why if self.body else self.asked, lost=why)

    def labelled(self, judgement: Judgement) -> "Held":
        """Return it with what is known of its values."""
        return replace(self, judgement=judgement)
