"""Which task does a call belong to? Handles are minted here, bound to their client, and proven by a keyed hash."""

import base64
import hmac
import secrets

from isthmus.core.caller import Caller
from isthmus.core.errors import InvalidArguments

__all__ = ["Tasks"]


class Tasks:
    """Mint and check task handles; only a person or the host asks for a new one, never a tool call."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mint(self, caller: Caller) -> str:
        """Return the handle of a new, clean task of this client."""
        name = base64.b32encode(secrets.token_bytes(10)).decode().lower()
        return f"task_{name}_{self._proof(caller, name)}"

    def check(self, caller: Caller, handle: str) -> str:
        """Return the handle; raises InvalidArguments, the same for forged and for foreign ones."""
        prefix, _, rest = handle.partition("_")
        name, _, proof = rest.partition("_")
        if prefix != "task" or not hmac.compare_digest(proof.encode(), self._proof(caller, name).encode()):
            raise InvalidArguments(
                "the task handle is unknown; ask the host for one, or leave it out to share the client's task",
                field="task",
            )
        return handle

    @staticmethod
    def label_keys(caller: Caller) -> tuple[str, ...]:
        """Name the labels that a release joins: the client's own, and the task's where there is one."""
        client = f"{caller.consumer}|{caller.agent}|{caller.user or ''}"
        return (f"{client}|{caller.task}", client) if caller.task else (client,)

    def _proof(self, caller: Caller, name: str) -> str:
        told = f"{caller.consumer}|{caller.agent}|{caller.user or ''}|{name}"
        return hmac.digest(self._key, told.encode(), "sha256").hex()[:20]
