"""Is a message I-JSON (RFC 7493), so that every parser on its way reads the same thing?

The SDK's parsers take the last of two equal names and accept NaN; a proxy in front may see the first.
"""

import json
from typing import NoReturn

from mcp.types import PARSE_ERROR, ErrorData, JSONRPCError

__all__ = ["PARSE_ERROR", "fault", "refusal"]


def fault(message: bytes) -> str | None:
    """Say what is wrong with a message, without repeating any of it; None where it is I-JSON.

    Names that differ only in case count as equal, since some parsers take one for the other (CVE-2026-27896).
    """
    try:
        text = message.decode()
        parsed = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeError:
        return "the message holds text that is not Unicode"
    except _NotIJson as error:
        return str(error)
    except (ValueError, RecursionError):
        return "the message is not JSON"
    return None


def refusal(why: str) -> JSONRPCError:
    """Return the answer to a message that was not read; its id is unknown (JSON-RPC 2.0, section 5)."""
    return JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=PARSE_ERROR, message=f"Parse error: {why}"))


class _NotIJson(Exception):
    pass


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len({name.casefold() for name in found}) != len(pairs):
        raise _NotIJson("an object has the same name twice (RFC 7493)")
    return found


def _no_constant(_: str) -> NoReturn:
    raise _NotIJson("NaN and Infinity are not JSON")
