"""What does a plugin bring that adds a kind of credential?"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from pydantic import BaseModel

from isthmus.core.credentials.answers import ReadAnswer, TokenAnswer
from isthmus.core.credentials.certificates import CertificateSource
from isthmus.core.credentials.references import SecretReference
from isthmus.core.credentials.secret import Secret
from isthmus.core.credentials.settings import ClientAuth
from isthmus.core.credentials.tokens import Grant

__all__ = ["CredentialKind", "GrantParts", "TransportTo"]

TransportTo = Callable[[str, CertificateSource | None], httpx2.AsyncBaseTransport]
"""Make the way to the origin of a URL, showing a certificate there if one is given; it sends each request once."""


@dataclass(frozen=True, slots=True)
class GrantParts:
    """What a plugin's grant is made of, for one principal; `user` is empty for the service.

    `origin` is where the credential may be used. `fetch` sends one GET to a URL with headers and reads the answer; its
    last argument names what lies there, for sentences. `shared` and `own` look a secret up at each use, by its
    reference and the name of its setting: the client's, and the principal's own and no other. `client_token` asks the
    token endpoint for the client's own token.
    """

    connection: str
    user: str
    origin: str
    fetch: Callable[[str, Mapping[str, str], ReadAnswer, str], Awaitable[TokenAnswer]]
    shared: Callable[[SecretReference, str], Callable[[], Awaitable[Secret]]]
    own: Callable[[SecretReference, str], Callable[[], Awaitable[Secret]]]
    client_token: Callable[[ClientAuth], Awaitable[TokenAnswer]]


@dataclass(frozen=True, slots=True)
class CredentialKind:
    """A kind of credential: `kind = "<name>"` in `[connections.x.auth]`.

    `settings` reads the table, `kind` included, and may have `header` and `lifetime` as the token kinds have them.
    `personal` names the settings that are a person's own secret where `identity = "user"`; a kind with none of them
    serves the service only.
    """

    name: str
    settings: type[BaseModel]
    grant: Callable[[Any, GrantParts], Grant]
    personal: tuple[str, ...] = ()
