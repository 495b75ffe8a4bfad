"""What is an access token, until when is it good, and what does one generation of tokens hold?"""

import json
from collections.abc import MutableMapping
from dataclasses import dataclass

from isthmus.core.credentials.secret import Secret

__all__ = ["AccessToken", "TokenSet"]

LONGEST_LEEWAY = 60.0


@dataclass(frozen=True, slots=True)
class AccessToken:
    """One access token; times are Unix seconds, `expires_at` is None where the server names no end.

    `instance_url` is what the server calls the place to use it, checked against the allowed origin if there is one.
    """

    generation: int
    value: Secret
    expires_at: float | None
    issued_at: float
    instance_url: str = ""
    header: str = "Authorization"
    scheme: str = "Bearer"

    def apply(self, headers: MutableMapping[str, str]) -> None:
        """Write the header, as in RFC 6750 unless the server named another."""
        headers[self.header] = f"{self.scheme} {self.value.reveal()}".lstrip()

    def fresh(self, now: float) -> bool:
        """Tell whether it is worth using; a tenth of its life, at most a minute, is left for the way there."""
        if self.expires_at is None:
            return True
        return now < self.expires_at - min(LONGEST_LEEWAY, (self.expires_at - self.issued_at) / 10)

    def alive(self, now: float) -> bool:
        """Tell whether it has not expired yet."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class TokenSet:
    """What one generation holds; `seeds` are digests of the configured refresh tokens that were ever taken up."""

    access_token: Secret | None = None
    refresh_token: Secret | None = None
    expires_at: float | None = None
    issued_at: float = 0.0
    instance_url: str = ""
    header: str = "Authorization"
    scheme: str = "Bearer"
    seeds: tuple[str, ...] = ()

    def written(self) -> Secret:
        """Return the text form that is sealed."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return Secret(json.dumps(plain, default=Secret.reveal))

    @classmethod
    def read(cls, text: Secret) -> "TokenSet":
        """Read what `written` wrote."""
        found = json.loads(text.reveal())
        secrets = {
            name: Secret(found[name]) for name in ("access_token", "refresh_token") if found.get(name) is not None
        }
        return cls(**found | secrets | {"seeds": tuple(found["seeds"])})

    def token(self, generation: int) -> AccessToken | None:
        """Return the access token, if there is one yet."""
        if self.access_token is None:
            return None
        return AccessToken(
            generation,
            self.access_token,
            self.expires_at,
            self.issued_at,
            self.instance_url,
            self.header,
            self.scheme,
        )
