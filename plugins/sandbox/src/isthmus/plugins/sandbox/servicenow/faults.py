"""Which mishaps can befall an instance's answers?"""

import json
from collections.abc import Mapping
from typing import Final

from isthmus.plugins.sandbox.faults import Fault
from isthmus.plugins.sandbox.message import Json, Reply

FAULTS: Final[Mapping[str, str]] = {
    "lost_answer": "do what was asked, then close the connection without an answer",
    "expire_session": "end the access token that the request carries: 401",
    "session_queue_full": "202 with an empty body: more than ten calls wait for the session; nothing is done",
    "html_200": "200 with the page of a hibernating instance instead of JSON; nothing is done",
    "login_page": "302 to the login page; nothing is done",
    "bad_gateway": "502 with an HTML body; nothing is done",
    "unavailable": "503 with an HTML body; nothing is done",
    "server_error": "500 with an error body; committed=True does what was asked first, `status` says more",
    "rate_limit": "429 with Retry-After of `seconds` (default 60) and the X-RateLimit headers",
    "semaphores": "429 without any header that helps: all semaphores are taken",
    "slow_semaphore": "server-timing tells of `milliseconds` (default 4000) waited for a semaphore",
    "slow": "answer only after `seconds` of real time (default 1)",
    "slow_body": "send the head at once and the body in drops over `seconds` of real time (default 1)",
    "gzip_bomb": "do what was asked, then answer with `megabytes` of blanks, compressed (default 65)",
    "hide_rows": "a page lacks each `every`-th row (default: the second), as row rules hide rows; the count stays",
    "shuffled_rows": "rows that the order of a query leaves equal come in a new order",
    "drop_field": "the write of `field` comes to nothing, and nothing says so",
    "altered_write": "`field` is stored as `value`, whatever was sent",
    "same_second": "an update leaves sys_updated_on where it was, as two quick changes would",
    "transaction_quota": "a page ends after `rows` rows (default 1) with an error object, or style=truncated",
    "batch_unserviced": "a batch stops after `serviced` requests (default 1), the others are unserviced",
    "foreign_link": "point the Link header at `url`, by default another host",
    "lost_token_answer": "issue a token, then close the connection without an answer",
    "token_refused": "401 from the token endpoint with `error` (default access_denied)",
}

HIBERNATING: Final = (
    b"<!DOCTYPE html>\n<html><head><title>Instance Hibernating page</title></head>"
    b"<body><h1>Your instance is hibernating</h1></body></html>"
)
TOO_LONG: Final = b"<html><head><title>414 Request-URI Too Long</title></head><body>Request-URI Too Long</body></html>"
_CANCELLED: Final[Mapping[str, Json]] = {
    "message": "Transaction cancelled: maximum execution time exceeded",
    "detail": "maximum execution time exceeded Check logs for error trace or enable glide.rest.debug property",
}


def page(status: int, title: str) -> Reply:
    """Return an error that some gateway in front of the instance made."""
    text = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>"
    return Reply(status, text.encode(), media_type="text/html")


def has_rows(reply: Reply) -> bool:
    """Say whether an answer is a page of rows."""
    return isinstance(reply.body, dict) and isinstance(reply.body.get("result"), list)


def broken_off(reply: Reply, fault: Fault) -> Reply:
    """Return a page of rows as it looks when the transaction was cancelled while it was written."""
    rows = reply.body.get("result") if isinstance(reply.body, dict) else None
    kept = (rows if isinstance(rows, list) else [])[: int(fault.number("rows", 1))]
    if fault.text("style", "error") == "truncated":
        whole = json.dumps({"result": kept}, separators=(",", ":")).encode()
        reply.body, reply.media_type = whole[:-2], "application/json;charset=UTF-8"
    else:
        reply.body = {"result": kept, "error": _CANCELLED, "status": "failure"}
    return reply
