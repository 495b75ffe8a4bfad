"""Who calls? Only the configuration and the bearer token say so, never an argument or a header of the caller's own."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from mcp.server.auth.provider import AccessToken

from isthmus.core.caller import Caller
from isthmus.core.config import ClientConfig, Config
from isthmus.core.credentials import Secret, SecretReference, SecretResolver
from isthmus.core.errors import ConfigurationError
from isthmus.core.nearest import nearest
from isthmus.residency import FlowPolicy

__all__ = ["SCOPE", "Client", "Tokens", "known_clients"]

SCOPE = "isthmus"
"""The one OAuth scope; what a client may do is policy's to say."""
SHORTEST_TOKEN = 20


@dataclass(frozen=True, slots=True)
class Client:
    """One authenticated client; `may_confirm` trusts its answer about what its user approved."""

    caller: Caller
    may_confirm: bool = False


def known_clients(config: Config, flows: FlowPolicy) -> Mapping[str, Client]:
    """Return the clients by name; raises ConfigurationError where the flow policy binds a consumer to others."""
    for name, one in config.file.clients.items():
        consumer = flows.consumers.get(one.consumer)
        if consumer is None:
            raise ConfigurationError(
                f"clients.{name}.consumer names {one.consumer!r}, which {config.file.policy.flows} does not define"
                f"{nearest(one.consumer, flows.consumers)}",
                object=name,
            )
        if name not in consumer.client_ids:
            raise ConfigurationError(
                f"clients.{name}.consumer names {one.consumer!r}, whose client_ids do not list {name!r}; "
                f"add it there in {config.file.policy.flows}, or name another consumer",
                object=name,
            )
    return {name: Client(_caller(name, one), one.may_confirm) for name, one in config.file.clients.items()}


def _caller(name: str, one: ClientConfig) -> Caller:
    return Caller(one.agent, one.user or None, one.purpose, one.consumer, client=name)


class Tokens:
    """The bearer tokens of HTTP clients: a `TokenVerifier` of the SDK; `resource` is what they are issued for."""

    def __init__(self, secrets: Mapping[str, Secret], resource: str) -> None:
        # The secrets stay referenced, so that the log filter knows them.
        self._secrets = dict(secrets)
        self._digests = {name: _digest(secret.reveal()) for name, secret in secrets.items()}
        self._resource = resource

    @classmethod
    def load(cls, config: Config, resolver: SecretResolver, resource: str) -> "Tokens":
        """Resolve the token of every client that has one.

        Raises:
            ConfigurationError: there is none, one is missing, short, or used by two clients.
        """
        found: dict[str, Secret] = {}
        for name, one in config.file.clients.items():
            if one.token is None:
                continue
            setting = f"clients.{name}.token"
            try:
                reference = SecretReference.parse(one.token)
            except ValueError as error:
                raise ConfigurationError(f"{setting}: {error}", object=name) from error
            secret = resolver.resolve(reference, setting=setting)
            if len(secret.reveal()) < SHORTEST_TOKEN:
                raise ConfigurationError(
                    f"{setting} is shorter than {SHORTEST_TOKEN} characters; "
                    'make one with `python -c "import secrets; print(secrets.token_urlsafe(32))"`',
                    object=name,
                )
            twin = next((other for other, known in found.items() if known == secret), None)
            if twin is not None:
                raise ConfigurationError(f"{setting} is the token of {twin!r} too; give each its own", object=name)
            found[name] = secret
        if not found:
            raise ConfigurationError(
                "no client has a token, so nobody could call over HTTP; add `token` to a client: "
                "a reference such as env:NAME, never the token itself"
            )
        return cls(found, resource)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return whose token it is; every known token is compared in full, whichever matches."""
        offered, client = _digest(token), None
        for name, digest in self._digests.items():
            if hmac.compare_digest(offered, digest):
                client = name
        if client is None:
            return None
        # The token itself ends here: nothing behind this point can send it on.
        return AccessToken(token="", client_id=client, scopes=[SCOPE], resource=self._resource)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
