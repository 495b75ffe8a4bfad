"""Credentials: sealed at rest, fetched once, replaced without a failed call."""

from isthmus.core.credentials.access import AccessToken
from isthmus.core.credentials.answers import GrantRefused, TokenAnswer, header_safe, origin_of, seconds
from isthmus.core.credentials.certificates import CertificateSource, ClientCertificate
from isthmus.core.credentials.credential import Credential, CredentialSource, JoinedSource, StaticCredential
from isthmus.core.credentials.database import SQLiteSecretStore
from isthmus.core.credentials.factory import CredentialFactory
from isthmus.core.credentials.kinds import CredentialKind, GrantParts, TransportTo
from isthmus.core.credentials.references import Reference, SecretReference, SecretResolver
from isthmus.core.credentials.sealing import Purpose, SealingKey, load_sealing_key, signing_key
from isthmus.core.credentials.secret import Redactor, Secret, redact
from isthmus.core.credentials.settings import KINDS, AuthSettings, ClientAuth, Endpoint, HeaderName
from isthmus.core.credentials.signing_in import SignedIn, SignIn
from isthmus.core.credentials.store import GenerationStore, NamedSecrets
from isthmus.core.credentials.tokens import TokenSource

__all__ = [
    "KINDS",
    "AccessToken",
    "AuthSettings",
    "CertificateSource",
    "ClientAuth",
    "ClientCertificate",
    "Credential",
    "CredentialFactory",
    "CredentialKind",
    "CredentialSource",
    "Endpoint",
    "GenerationStore",
    "GrantParts",
    "GrantRefused",
    "HeaderName",
    "JoinedSource",
    "NamedSecrets",
    "Purpose",
    "Redactor",
    "Reference",
    "SQLiteSecretStore",
    "SealingKey",
    "Secret",
    "SecretReference",
    "SecretResolver",
    "SignIn",
    "SignedIn",
    "StaticCredential",
    "TokenAnswer",
    "TokenSource",
    "TransportTo",
    "header_safe",
    "load_sealing_key",
    "origin_of",
    "redact",
    "seconds",
    "signing_key",
]
