"""Which access token is good now, and who fetches the next one?

For each slot one task a process and one process a machine exchange at a time. Where a refresh token may be used only
once, the exchange is: lease, read again, write the intent, send, store the answer, use it. Whoever finds an intent that
nobody settled knows that the answer may be lost, and asks for consent instead of sending the old token again.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from isthmus.core.credentials.access import AccessToken, TokenSet
from isthmus.core.credentials.answers import AnswerLost, GrantRefused, TokenAnswer, origin_of
from isthmus.core.credentials.credential import Credential
from isthmus.core.credentials.references import SecretMissing
from isthmus.core.credentials.secret import Secret
from isthmus.core.credentials.store import Generation, GenerationStore, Lease, SecretStoreError, Slot, Snapshot, State
from isthmus.core.errors import CredentialError, IsthmusError, RetryLater, UpstreamError

__all__ = ["TOKENS", "Grant", "TokenSource"]

TOKENS = "tokens"
"""The kind of the slots that hold OAuth tokens."""

POLL_SECONDS = 0.05
REFUSED_HOLD = 10.0
FAULT_HOLD = 1.0
SAVE_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)

log = logging.getLogger(__name__)
T = TypeVar("T")


class Grant(Protocol):
    """One way to obtain a token."""

    @property
    def refreshes(self) -> bool:
        """Tell whether `obtain` needs a refresh token."""
        ...

    @property
    def single_use(self) -> bool:
        """Tell whether a refresh token that was sent must never be sent again."""
        ...

    async def obtain(self, held: Secret | None) -> TokenAnswer:
        """Make one token request; raises GrantRefused, AnswerLost, or another IsthmusError where nothing was done."""
        ...


@dataclass(frozen=True, slots=True)
class _Hold:
    """Until when a failure is repeated without asking again, so that a broken grant is not hammered."""

    until: float
    failure: UpstreamError

    def error(self, now: float) -> UpstreamError:
        """Build it anew: a raised exception keeps the frames of whoever caught it."""
        was = self.failure
        if isinstance(was, RetryLater):
            return RetryLater(was.sentence, after=self.until - now, object=was.object)
        return CredentialError(
            was.sentence, code=was.reason, subject=was.subject, object=was.object, vendor_text=was.vendor_text
        )


class TokenSource:
    """The access tokens of one principal on one connection; belongs to one event loop.

    `seed` looks up the refresh token that somebody configured or consented to. `lifetime` (seconds) counts where the
    server names none; without it a token is good until the system answers 401. `remedy` says how to consent again.
    """

    def __init__(
        self,
        slot: Slot,
        grant: Grant,
        store: GenerationStore,
        *,
        seed: Callable[[], Secret] | None = None,
        remedy: str = "",
        lifetime: float | None = None,
        allowed_origin: str | None = None,
        lease_seconds: float = 45.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._slot = slot
        self._name = f"connection {slot.connection!r}"
        self._grant = grant
        self._store = store
        self._seed = seed
        self._remedy = remedy
        self._lifetime = lifetime
        self._origin = None if allowed_origin is None else origin_of(allowed_origin)
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._token: AccessToken | None = None
        self._spent = 0
        self._hold: _Hold | None = None
        self._flight: asyncio.Task[AccessToken] | None = None

    async def current(self) -> AccessToken:
        """Return a token that is good now, fetching one where needed.

        While a new one cannot be had, the old one is returned until it really expires. Raises CredentialError,
        RetryLater, or ConfigurationError where a secret is missing or the store fails.
        """
        now = self._clock()
        if (token := self._usable(now)) and (token.fresh(now) or self._held_off(now)):
            return token
        try:
            return await self._join(self._spent)
        except (UpstreamError, SecretStoreError):
            if token := self._usable(self._clock()):
                return token
            raise

    async def replace(self, spent: Credential) -> AccessToken:
        """Return a newer token than the one that the system did not accept; raises as `current` does.

        Makes no token call where a newer one is already there, in this process or another.
        """
        self._spent = max(self._spent, spent.generation)
        now = self._clock()
        if (token := self._usable(now)) and token.fresh(now):
            return token
        return await self._join(spent.generation)

    async def consent(self, grant: Grant) -> TokenSet:
        """Take up what somebody has just consented to, in place of all that was there; raises as `grant.obtain`.

        An exchange that is under way elsewhere meanwhile finds its intent gone, and takes up this.
        """
        asked = self._clock()
        tokens = self._tokens(await grant.obtain(None), TokenSet(), asked)
        token = tokens.token(0)
        if token is None or not self._for_our_origin(token):
            raise self._for_another()
        value = tokens.written()
        while True:
            adopt = partial(self._store.adopt, self._slot, value, after=(await self._read()).newest)
            if (made := await self._save(adopt)) is not None:
                self._take_up(made)
                return tokens

    async def aclose(self) -> None:
        """Wait for an exchange under way: cutting it off could lose a single-use answer."""
        if self._flight is not None:
            await asyncio.wait([self._flight])

    def _usable(self, now: float) -> AccessToken | None:
        token = self._token
        return token if token is not None and token.generation > self._spent and token.alive(now) else None

    async def _join(self, spent: int) -> AccessToken:
        """Share the one flight; a caller that is cancelled leaves it running for the others."""
        while True:
            flight = self._flight
            ours = flight is None or flight.done()
            if flight is None or flight.done():
                flight = self._flight = asyncio.create_task(self._obtain(spent))
                # Where every caller was cancelled nobody else looks at its exception.
                flight.add_done_callback(lambda task: task.cancelled() or task.exception())
            token = await asyncio.shield(flight)
            if ours or token.generation > spent:
                return token

    async def _obtain(self, spent: int) -> AccessToken:
        found = await self._token_or_lease(spent)
        if isinstance(found, AccessToken):
            return found
        try:
            snapshot = await self._read()
            # Somebody may have finished between our last look and the lease.
            return self._stored(snapshot, spent) or await self._renew(snapshot, found, spent)
        finally:
            try:
                await asyncio.to_thread(self._store.release, found)
            except SecretStoreError:
                log.warning("%s: its lease could not be given back and runs out by itself", self._name)

    async def _token_or_lease(self, spent: int) -> Lease | AccessToken:
        """Wait for the lease, or for the token that its holder is fetching."""
        give_up = time.monotonic() + 2 * self._lease_seconds
        while True:
            token = self._stored(await self._read(), spent)
            if token is not None:
                return token
            now = self._clock()
            if hold := self._held_off(now):
                raise hold.error(now)
            lease = await asyncio.to_thread(self._store.acquire, self._slot, seconds=self._lease_seconds)
            if lease is not None:
                return lease
            if time.monotonic() > give_up:
                raise self._overtaken()
            await asyncio.sleep(POLL_SECONDS)

    async def _read(self) -> Snapshot:
        return await asyncio.to_thread(self._store.read, self._slot)

    def _stored(self, snapshot: Snapshot, spent: int) -> AccessToken | None:
        """Return the stored token if it is newer than the spent one, fresh, and for our origin."""
        token = self._take_up(snapshot.current)
        return token if token and token.generation > spent and token.fresh(self._clock()) else None

    def _take_up(self, generation: Generation | None) -> AccessToken | None:
        if generation is None or generation.value is None:
            return None
        token = TokenSet.read(generation.value).token(generation.number)
        if token is None or not self._for_our_origin(token):
            return None
        if self._token is None or self._token.generation < token.generation:
            # Whatever failed before, somebody has succeeded since.
            self._token, self._hold = token, None
        return token

    def _for_our_origin(self, token: AccessToken) -> bool:
        if self._origin is None or not token.instance_url:
            return True
        try:
            return origin_of(token.instance_url) == self._origin
        except ValueError:
            return False

    async def _renew(self, snapshot: Snapshot, lease: Lease, spent: int) -> AccessToken:
        try:
            made = await (self._refresh(snapshot, lease) if self._grant.refreshes else self._fetch(snapshot, lease))
            return self._accepted(made) if made is not None else await self._theirs(spent)
        except RetryLater as error:
            self._hold = _Hold(self._clock() + (FAULT_HOLD if error.after is None else error.after), error)
            raise
        except CredentialError as error:
            self._hold = _Hold(self._clock() + REFUSED_HOLD, error)
            raise

    def _accepted(self, made: Generation) -> AccessToken:
        token = self._take_up(made)
        if token is None:
            raise self._for_another()
        return token

    async def _theirs(self, spent: int) -> AccessToken:
        """Return what somebody else stored meanwhile: after new consent, or when our lease had run out."""
        token = self._stored(await self._read(), spent)
        if token is None:
            raise self._overtaken()
        return token

    def _held_off(self, now: float) -> _Hold | None:
        return self._hold if self._hold is not None and now < self._hold.until else None

    async def _fetch(self, snapshot: Snapshot, lease: Lease) -> Generation | None:
        """Obtain a token that spends nothing."""
        asked = self._clock()
        answer = await self._grant.obtain(None)
        return await self._adopt(self._tokens(answer, TokenSet(), asked), snapshot.newest, lease)

    async def _refresh(self, snapshot: Snapshot, lease: Lease) -> Generation | None:
        held, after = await self._consented(snapshot, lease)
        asked = self._clock()
        if self._grant.single_use:
            pending = await self._begin(after, lease)
            answer = await self._spend(held, pending, lease)
            value = self._tokens(answer, held, asked).written()
            return await self._save(
                lambda: self._store.promote(self._slot, pending.number, value, fence=lease.fence),
            )
        try:
            answer = await self._grant.obtain(held.refresh_token)
        except GrantRefused as error:
            if error.error != "invalid_grant":
                raise
            await self._require_consent(await self._begin(after, lease), lease)
            raise self._reauth(error.vendor_text) from None
        return await self._adopt(self._tokens(answer, held, asked), after, lease)

    async def _spend(self, held: TokenSet, pending: Generation, lease: Lease) -> TokenAnswer:
        """Send a single-use refresh token, and settle its intent unless there is an answer to store.

        Whatever is not known to have changed nothing leaves the intent open or the slot in need of consent.
        """
        try:
            return await self._grant.obtain(held.refresh_token)
        except AnswerLost:
            await self._require_consent(pending, lease)
            raise self._reauth() from None
        except GrantRefused as error:
            if error.error == "invalid_grant":
                await self._require_consent(pending, lease)
                raise self._reauth(error.vendor_text) from None
            await self._withdraw(pending, lease)
            raise
        except IsthmusError:
            await self._withdraw(pending, lease)
            raise

    async def _consented(self, snapshot: Snapshot, lease: Lease) -> tuple[TokenSet, int]:
        """Return what holds the refresh token to spend, and the newest number; takes up a newly configured token."""
        current = snapshot.current
        held = TokenSet() if current is None or current.value is None else TokenSet.read(current.value)
        seed = await self._configured(missing_is_fine=held.refresh_token is not None)
        digest = "" if seed is None else hashlib.sha256(seed.reveal().encode()).hexdigest()
        # A seed taken up before is spent, even if an old process still has it in its environment.
        if digest and digest not in held.seeds:
            held = TokenSet(refresh_token=seed, seeds=(*held.seeds, digest))
            adopted = await self._adopt(held, snapshot.newest, lease)
            if adopted is None:
                raise self._overtaken()
            return held, adopted.number
        if snapshot.pending is not None:
            await self._require_consent(snapshot.pending, lease)
            raise self._reauth()
        if snapshot.reauth_required or held.refresh_token is None:
            raise self._reauth()
        return held, snapshot.newest

    async def _configured(self, *, missing_is_fine: bool) -> Secret | None:
        if self._seed is None:
            return None
        try:
            return await asyncio.to_thread(self._seed)
        except SecretMissing:
            if missing_is_fine:
                return None
            if self._slot.user:
                raise self._reauth() from None
            raise

    def _tokens(self, answer: TokenAnswer, held: TokenSet, asked: float) -> TokenSet:
        lifetime = answer.expires_in or self._lifetime
        return TokenSet(
            access_token=answer.access_token,
            refresh_token=answer.refresh_token or held.refresh_token,
            expires_at=None if lifetime is None else asked + lifetime,
            issued_at=asked,
            instance_url=answer.instance_url,
            header=answer.header,
            scheme=answer.scheme,
            seeds=held.seeds,
        )

    async def _begin(self, after: int, lease: Lease) -> Generation:
        begun = await asyncio.to_thread(self._store.begin, self._slot, after=after, fence=lease.fence)
        if begun is None:
            raise self._overtaken()
        return begun

    async def _adopt(self, tokens: TokenSet, after: int, lease: Lease) -> Generation | None:
        value = tokens.written()
        return await self._save(lambda: self._store.adopt(self._slot, value, after=after, fence=lease.fence))

    async def _withdraw(self, pending: Generation, lease: Lease) -> None:
        await self._save(lambda: self._store.withdraw(self._slot, pending.number, fence=lease.fence))

    async def _require_consent(self, pending: Generation, lease: Lease) -> None:
        await self._save(
            lambda: self._store.settle(self._slot, pending.number, State.REAUTH_REQUIRED, fence=lease.fence)
        )
        log.error("%s: its refresh token was refused or its answer was lost; %s", self._name, self._remedy)

    async def _save(self, write: Callable[[], T]) -> T:
        """Write something down that exists nowhere else; a full disk is given a little time."""
        for pause in SAVE_PAUSES:
            try:
                return await asyncio.to_thread(write)
            except SecretStoreError:
                await asyncio.sleep(pause)
        return await asyncio.to_thread(write)

    def _reauth(self, vendor_text: str = "") -> CredentialError:
        whose = f"{self._name} has no usable grant" + (f" of user {self._slot.user!r}" if self._slot.user else "")
        return CredentialError(
            f"{whose}; {self._remedy}",
            code="reauth_required",
            subject=self._slot.user,
            object=self._slot.connection,
            vendor_text=vendor_text,
        )

    def _for_another(self) -> CredentialError:
        return CredentialError(
            f"{self._name} was given a token for another origin than its own; correct url or token_endpoint",
            object=self._slot.connection,
        )

    def _overtaken(self) -> RetryLater:
        return RetryLater(
            f"another process is fetching or changing the token of {self._name}; repeat the call",
            after=FAULT_HOLD,
            object=self._slot.connection,
        )
