"""Who calls: the agent, the person it acts for, why, and who will receive the answer."""

from dataclasses import dataclass

__all__ = ["Caller", "Principal"]

SERVICE = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """One authenticated party and its purpose.

    `consumer` names a `[consumers.<name>]` of the flow policy and comes from the authenticated client, never
    from a request. `task` groups calls whose results a model can combine; empty means the client-wide label. `client`
    is the authenticated client's own name, for the audit.
    """

    agent: str
    user: str | None = None
    purpose: str = ""
    consumer: str = ""
    task: str = ""
    client: str = ""

    @property
    def subject(self) -> str:
        """Name both parties, for sentences and audit entries."""
        return f"agent {self.agent!r}" + (f" for user {self.user!r}" if self.user else "")


@dataclass(frozen=True, slots=True)
class Principal:
    """The identity that a connection acts as: the key of credentials, cookies, caches and cursors."""

    connection: str
    user: str = SERVICE
