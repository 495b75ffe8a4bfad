"""Govern every call from an agent to a system of record.

    config = load_config(Path("isthmus.toml"))
    async with open_gateway(config) as gateway:
        session = gateway.session(Caller(agent="support", user="alice", purpose="support", consumer="model-us"))
        page = await session.call("query", system="crm", object="Contact", select=["Name"])

Connector authors import from `isthmus.core.connector`; errors are in `isthmus.core.errors`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.core.assembly import open_gateway
    from isthmus.core.caller import Caller
    from isthmus.core.collector import few_collections
    from isthmus.core.config import Config, load_config
    from isthmus.core.errors import IsthmusError
    from isthmus.core.files import File
    from isthmus.core.gateway import Gateway
    from isthmus.core.records import Page, Record, Ref
    from isthmus.core.results import Answer, Description, Groups, Result, as_json
    from isthmus.core.session import Session
    from isthmus.core.streams import Loaded
    from isthmus.core.tools import Tool

__all__ = [
    "Answer",
    "Caller",
    "Config",
    "Description",
    "File",
    "Gateway",
    "Groups",
    "IsthmusError",
    "Loaded",
    "Page",
    "Record",
    "Ref",
    "Result",
    "Session",
    "Tool",
    "as_json",
    "few_collections",
    "load_config",
    "open_gateway",
]

_HOMES = {
    "Caller": "caller",
    "Config": "config",
    "Answer": "results",
    "Description": "results",
    "File": "files",
    "Gateway": "gateway",
    "Groups": "results",
    "IsthmusError": "errors",
    "Loaded": "streams",
    "Page": "records",
    "Record": "records",
    "Ref": "records",
    "Result": "results",
    "Session": "session",
    "Tool": "tools",
    "as_json": "results",
    "few_collections": "collector",
    "load_config": "config",
    "open_gateway": "assembly",
}


def __getattr__(name: str) -> object:
    # Imported on first use: the command line must not load the whole call path to print its help.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
