"""How does a client send a query that is too long for a URL?"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from isthmus.plugins.sandbox.message import Reply

from .errors import bad_body
from .routes import route

if TYPE_CHECKING:
    from .call import Call


def shorten(call: "Call", _arguments: Sequence[str]) -> Reply:
    """Keep the parameters of a URL, and return a URL with a name for them."""
    url = call.json.get("url")
    if not isinstance(url, str) or not url:
        raise bad_body("url is missing")
    parts = urlsplit(url)
    key = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()
    call.instance.tiny[key] = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Reply(200, {"result": f"{parts.path.rpartition('/')[2]}?sysparm_tiny={key}"})


ROUTES: Final = (route("POST", "now/tinyurl", shorten),)
