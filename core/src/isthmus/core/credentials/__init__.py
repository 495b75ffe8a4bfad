"""Credentials: sealed at rest, fetched once, replaced without a failed call."""

from isthmus.core.credentials.access import AccessToken
from isthmus.core.credentials.credential import Credential, CredentialSource, StaticCredential
from isthmus.core.credentials.database import SQLiteSecretStore
from isthmus.core.credentials.factory import CredentialFactory
from isthmus.core.credentials.references import Reference, SecretReference, SecretResolver
from isthmus.core.credentials.sealing import Purpose, SealingKey, load_sealing_key, signing_key
from isthmus.core.credentials.secret import Redactor, Secret, redact
from isthmus.core.credentials.settings import AuthSettings
from isthmus.core.credentials.store import GenerationStore, NamedSecrets
from isthmus.core.credentials.tokens import TokenSource

__all__ = [
    "AccessToken",
    "AuthSettings",
    "Credential",
    "CredentialFactory",
    "CredentialSource",
    "GenerationStore",
    "NamedSecrets",
    "Purpose",
    "Redactor",
    "Reference",
    "SQLiteSecretStore",
    "SealingKey",
    "Secret",
    "SecretReference",
    "SecretResolver",
    "StaticCredential",
    "TokenSource",
    "load_sealing_key",
    "redact",
    "signing_key",
]
