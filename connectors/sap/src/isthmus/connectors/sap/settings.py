"""What may `[connections.<name>.settings]` say for a SAP system that is reached over OData?"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from isthmus.core.connector import ConnectorSettings

__all__ = ["Door", "Egress", "SapSettings", "TermsSettings"]

Alias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]


class Egress(StrEnum):
    """By which way requests leave for the system."""

    DIRECT = "direct"
    BTP_DESTINATION = "btp-destination"
    INTEGRATION_SUITE = "integration-suite"


class Door(StrEnum):
    """How a tool reaches its system."""

    PUBLISHED_API = "published-api"
    RFC = "rfc"
    AGENT_GATEWAY = "agent-gateway"


def _root(path: str) -> str:
    found = path.rstrip("/")
    if any(part in ("", ".", "..") for part in found.split("/")[1:]) or not found:
        raise ValueError("a service is an absolute path such as /sap/opu/odata/sap/API_BUSINESS_PARTNER")
    return found


Root = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~;=/-]{1,200}$"), AfterValidator(_root)]


class TermsSettings(BaseModel):
    """What the vendor's terms allow here, as the operator has agreed to them.

    `acknowledged` says that somebody has read SAP's API policy and answers for direct access by agents. `export_rows`
    is the most rows that one export may bring, 0 allows no export. `door` is the one way that tools may take,
    any where it is missing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    acknowledged: bool = False
    export_rows: int = Field(default=10_000, ge=0)
    door: Door | None = None


class SapSettings(ConnectorSettings):
    """Settings of one client of one system.

    `services` names each service that may be used and where it lies; nothing else is reached. `client` is the SAP
    client (three digits), the system's own default where it is empty; `language` that of labels and messages. `batches`
    tells how services take several requests in one, where it is not what their metadata say.
    """

    services: dict[Alias, Root] = Field(min_length=1)
    batches: dict[Alias, Literal["multipart", "json", "none"]] = Field(default_factory=dict)
    client: str = Field(default="", pattern=r"^([0-9]{3})?$")
    language: str = Field(default="en", pattern=r"^[a-z]{2}$")
    egress: Egress = Egress.DIRECT
    terms: TermsSettings = TermsSettings()
