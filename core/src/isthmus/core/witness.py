"""Who is told that a call has been labelled, or never will be?"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from isthmus.core.records import Ref
from isthmus.core.refs import Resolved

if TYPE_CHECKING:
    from isthmus.core.calls import Judged

__all__ = ["Witness"]


class Witness(Protocol):
    """Whoever keeps what went over the wire may do so only once it is known what that was."""

    def labelled(self, judged: "Judged", resolve: Callable[[Ref], Resolved]) -> None:
        """Note that all that a leg read and wrote is labelled, durably."""
        ...

    def unlabelled(self, call: str) -> None:
        """Note that a call, or one leg of it, ended without a label."""
        ...
