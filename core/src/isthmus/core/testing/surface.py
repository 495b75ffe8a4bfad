"""Does the connector have the methods, settings and names that the contract gives it?"""

import inspect
import re

from isthmus.core.connector import Connector
from isthmus.core.testing.bench import Bench
from isthmus.core.testing.promise import Promise
from isthmus.core.testing.violation import demand

__all__ = ["PROMISES"]

METHODS = (
    *("classify", "fault", "quota", "parse", "objects", "catalogue", "query", "get", "search", "aggregate"),
    *("create", "update", "upsert", "delete", "reconcile", "probe"),
    *("export", "changes", "load", "attach", "download", "invoke"),
)
_KIND = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def _named(bench: Bench) -> None:
    connector = bench.subject.connector
    demand(
        _KIND.fullmatch(connector.kind),
        f"the kind {connector.kind!r} is no name for `connector = ...` in isthmus.toml",
        "set `kind` to a word of lower-case letters and digits",
    )
    demand(connector.__doc__, f"{connector.__name__} has no docstring", "say in one sentence what it can do")
    strict = connector.settings.model_config.get("extra") == "forbid"
    demand(
        strict,
        f"{connector.settings.__name__} takes unknown keys",
        "derive the settings from ConnectorSettings and leave its model_config as it is",
    )


def _signed(bench: Bench) -> None:
    for name in METHODS:
        ours, theirs = getattr(Connector, name), getattr(bench.subject.connector, name)
        if ours is theirs:
            continue
        wanted, found = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
        extra = [one for one in list(found)[len(wanted) :] if found[one].default is inspect.Parameter.empty]
        demand(
            list(found)[: len(wanted)] == list(wanted) and not extra,
            f"{name} takes ({', '.join(found)}), and the contract says ({', '.join(wanted)})",
            "take the arguments of the contract, in its order and with its names",
        )
        demand(
            inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs),
            f"{name} is {'not ' if inspect.iscoroutinefunction(ours) else ''}async",
            "write `async def` for what may ask the system and `def` for what only computes, as the contract does",
        )


def _exampled(bench: Bench) -> None:
    told = bench.examples
    needs = {
        "id and fields": bool(told.id and told.fields),
        "text": bool(told.text),
        "values for create": bool(told.values) or "create" not in bench.verbs,
        "changes for update": bool(told.changes) or "update" not in bench.verbs,
        "key and values for upsert": bool(told.key and told.values) or "upsert" not in bench.verbs,
        "words for search": bool(told.words) or "search" not in bench.verbs,
        "since for changes": bool(told.since) or "changes" not in bench.verbs,
        "loads and a refused line": bool(told.loads and told.refused) or "load" not in bench.verbs,
        "file and other_file for download": bool(told.file and told.other_file) or "download" not in bench.verbs,
        "a run of each action": _ran(bench),
        "query_text for parse": bool(told.query_text) or bench.subject.connector.parse is Connector.parse,
    }
    missing = [what for what, there in needs.items() if not there]
    demand(not missing, f"there is no example of {', '.join(missing)}", "give it in Examples, so that it is checked")


def _ran(bench: Bench) -> bool:
    if "invoke" not in bench.verbs:
        return True
    named = bench.facts(bench.examples.object).actions
    return bool(bench.examples.runs) and {one.name for one in named} <= {one.action for one in bench.examples.runs}


PROMISES = (
    Promise("a connector has a kind, a purpose and settings that refuse unknown keys", _named),
    Promise("every method takes the arguments of the contract and is async where the contract is", _signed),
    Promise("there is an example of everything that is implemented", _exampled),
)
