"""Which mishaps can befall a landscape's answers?"""

from collections.abc import Mapping
from typing import Final

FAULTS: Final[Mapping[str, str]] = {
    "lost_answer": "do what was asked, then close the connection without an answer",
    "lost_request": "close the connection without an answer; nothing is done",
    "csrf_expired": "end the session before the request is looked at: a write meets 403 and x-csrf-token: Required",
    "expire_token": "end the access token that the request carries: 401",
    "sso_page": "200 with the HTML page of a sign-on form; nothing is done",
    "not_activated": "404 with an HTML page: the service is not activated",
    "rate_limit": "429 with Retry-After of `seconds` (default 30)",
    "unavailable": "503 with Retry-After of `seconds` (default 30) and an HTML page",
    "bad_gateway": "502 with an HTML page of the reverse proxy",
    "gateway_timeout": "504 with an HTML page; committed=True does what was asked first",
    "server_error": "500 with code SY/530; committed=True does what was asked first",
    "short_dump": "500 with an HTML page of a runtime error; nothing is done",
    "no_work_process": "500 in plain text: no work process is available",
    "xml_error": "the next refusal comes as XML, whatever was asked for",
    "empty_error": "the next refusal comes without a body",
    "locked": "a write meets an object locked by `user` (default BOB), with `status` (default 423)",
    "warning": "a success carries a message with `code`, `text` and `severity`",
    "expired_skiptoken": "the skiptoken of the request has just expired",
    "foreign_next": "the link to the next page leads to `url` (default http://localhost:8000)",
    "bare_decimals": "decimals come without the zeros at their end",
    "bare_array": "a V2 page comes as old services send it: d is an array, without count and link",
    "shuffled_rows": "a collection without $orderby comes in another order",
    "bare_create": "the answer to a create leaves out what was made below it",
    "drop_field": "the write of `field` comes to nothing, and nothing says so",
    "altered_write": "`field` is stored as `value`, whatever was sent",
    "no_head": "405 to a HEAD request",
    "slow": "answer only after `seconds` of real time (default 1)",
    "slow_body": "send the head at once and the body in drops over `seconds` of real time (default 1)",
    "gzip_bomb": "do what was asked, then answer with `megabytes` of blanks, compressed (default 65)",
    "token_refused": "401 from the token server with `error` (default invalid_client)",
    "lost_token_answer": "issue a token, then close the connection without an answer",
    "destination_error": "the destination service answers 200 with an error in authTokens",
}

SSO_PAGE: Final = (
    b'<!DOCTYPE html>\n<html><head><title>Sign In</title></head><body><form method="post" action="/saml2/idp/sso">'
    b'<input name="j_username"/><input name="j_password" type="password"/></form></body></html>'
)
DUMP: Final = (
    "Runtime error RAISE_SHORTDUMP. The termination type was: RABAX_STATE. "
    "If the error persists, contact the system administrator."
)
