"""What may `[connections.<name>.settings]` say for a ServiceNow instance?"""

from pydantic import Field

from isthmus.core.connector import ConnectorSettings

__all__ = ["ServiceNowSettings"]


class ServiceNowSettings(ConnectorSettings):
    """Settings of one instance.

    `data_classes` maps names of the instance's own data classes to classes of the flow rules. `language` is that of
    labels and choices. With `knowledge_search` words are looked for in whole articles, by the instance's own search:
    who may not see their texts in clear cannot search them then. `problem_service` is where the store app answers that
    moves problems; without it their state is written like any field.
    """

    api_version: str = Field(default="", pattern=r"^(v[12])?$")
    language: str = Field(default="en", pattern=r"^[a-z]{2,3}$")
    data_classes: dict[str, list[str]] = Field(default_factory=dict)
    knowledge_search: bool = False
    problem_service: str = Field(default="", pattern=r"^(/api/x_[a-z0-9_]{1,40}/problem)?$")
