"""What must a store of credentials keep? Generations, leases and named secrets."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from isthmus.core.credentials.secret import Secret
from isthmus.core.errors import ConfigurationError

__all__ = [
    "Generation",
    "GenerationStore",
    "Lease",
    "NamedSecrets",
    "SecretStoreError",
    "Slot",
    "Snapshot",
    "State",
]


class SecretStoreError(ConfigurationError):
    """The store of secrets cannot be read or written now; nothing was sent on its account."""

    code = "secret_store"


class State(StrEnum):
    """Where a generation stands. A pending one is also the intent of the exchange that is to fill it."""

    PENDING = "pending"
    VERIFIED = "verified"
    CURRENT = "current"
    DRAINING = "draining"
    REVOKED = "revoked"
    REAUTH_REQUIRED = "reauth_required"


@dataclass(frozen=True, slots=True)
class Slot:
    """What the generations of one credential share: the principal and the kind of value."""

    connection: str
    user: str
    kind: str


@dataclass(frozen=True, slots=True)
class Generation:
    """One version of a credential; `fence` is that of the lease under which it was begun."""

    slot: Slot
    number: int
    state: State
    fence: int
    updated_at: float
    value: Secret | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All generations of a slot as one read saw them, the newest first."""

    generations: tuple[Generation, ...] = ()

    @property
    def newest(self) -> int:
        """Return the highest number, 0 where there is none."""
        return self.generations[0].number if self.generations else 0

    @property
    def current(self) -> Generation | None:
        """Return the generation in use."""
        return next((one for one in self.generations if one.state is State.CURRENT), None)

    @property
    def pending(self) -> Generation | None:
        """Return the intent of an exchange that has not been settled."""
        return next((one for one in self.generations if one.state is State.PENDING), None)

    @property
    def reauth_required(self) -> bool:
        """Tell whether somebody has to consent again before another exchange."""
        return bool(self.generations) and self.generations[0].state is State.REAUTH_REQUIRED


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to exchange a slot's credential until `expires_at`; a later lease has a higher fence."""

    slot: Slot
    fence: int
    expires_at: float


class GenerationStore(Protocol):
    """Generations and leases, shared by all processes; every write is durable before it returns.

    All methods block and may be called from any thread. They raise SecretStoreError where the store fails.
    """

    def read(self, slot: Slot) -> Snapshot:
        """Return all generations of a slot."""
        ...

    def begin(self, slot: Slot, *, after: int, fence: int, value: Secret | None = None) -> Generation | None:
        """Add the pending generation `after + 1`; None where `after` is no longer the newest."""
        ...

    def promote(
        self, slot: Slot, number: int, value: Secret, *, fence: int, retire: State = State.REVOKED
    ) -> Generation | None:
        """Make a generation current and retire the one that was, in one step.

        None unless it is the newest, was begun under this fence, and is pending, verified or reauth_required: the
        holder of the true answer may still save what somebody else gave up for lost.
        """
        ...

    def settle(self, slot: Slot, number: int, state: State, *, fence: int) -> bool:
        """Move a generation to a state; a holder of a lower fence than the one it was begun under may not."""
        ...

    def withdraw(self, slot: Slot, number: int, *, fence: int) -> bool:
        """Forget a pending generation whose exchange did not take place."""
        ...

    def adopt(self, slot: Slot, value: Secret, *, after: int, fence: int = 0) -> Generation | None:
        """Add generation `after + 1` as the current one and revoke all others; None where `after` is not the newest."""
        ...

    def acquire(self, slot: Slot, *, seconds: float) -> Lease | None:
        """Take the slot's lease; None while another holds it."""
        ...

    def release(self, lease: Lease) -> None:
        """Give a lease back; without effect where it was taken over."""
        ...


class NamedSecrets(Protocol):
    """Secrets kept under a name, and for a person under a name and that person."""

    def secret(self, name: str, *, user: str = "") -> Secret | None:
        """Return a secret or None; a person's never stands in for another's or for the service's."""
        ...

    def set_secret(self, name: str, value: Secret, *, user: str = "") -> None:
        """Keep a secret, replacing what the name held."""
        ...

    def add_secret(self, name: str, value: Secret, *, user: str = "") -> Secret:
        """Keep a secret unless the name holds one; return what it holds now."""
        ...

    def remove_secret(self, name: str, *, user: str = "") -> bool:
        """Forget a secret; False where there was none."""
        ...

    def secret_names(self) -> tuple[tuple[str, str], ...]:
        """Return all (name, user) pairs, sorted."""
        ...
