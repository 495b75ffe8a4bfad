"""Which options does every command take?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

__all__ = ["DEFAULT", "Common"]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Common:
    """The options of every command."""

    config: Annotated[Path, Parameter(env_var="ISTHMUS_CONFIG", help="The configuration to work with.")] = Path(
        "isthmus.toml"
    )
    json: Annotated[bool, Parameter(negative="", help="Print one JSON document.")] = False


DEFAULT = Common()
