"""What may `[connections.<name>.settings]` say for a Salesforce org?"""

from pydantic import Field

from isthmus.core.connector import ConnectorSettings

__all__ = ["SalesforceSettings"]


class SalesforceSettings(ConnectorSettings):
    """Settings of one org.

    `read_back` reads every record that was written once more, and tells what the org stored otherwise; that is one
    more call of the quota a write.
    """

    api_version: str = Field(default="62.0", pattern=r"^\d{2,3}\.0$")
    read_back: bool = False
    approve_for_others: bool = False
    """Whether an administrator's identity may decide what waits for somebody else; the answer then names him."""
