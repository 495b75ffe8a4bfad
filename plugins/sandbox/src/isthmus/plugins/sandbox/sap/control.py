"""Which levers does a landscape have that other systems have not?"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Request

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.control import Levers

    from .landscape import SapLandscape


def _bind(landscape: "SapLandscape", _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    client_id, secret = landscape.logins.bind()
    return {"client_id": client_id, "client_secret": secret}


def _unbind(landscape: "SapLandscape", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    landscape.logins.unbind(str(body["client_id"]))
    return {"client_ids": list(landscape.logins.bindings)}


def _lock(landscape: "SapLandscape", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    landscape.locks[str(body["object"]), str(body["id"])] = str(body["user"]).upper()
    return _locks(landscape)


def _unlock(landscape: "SapLandscape", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    if body:
        del landscape.locks[str(body["object"]), str(body["id"])]
    else:
        landscape.locks.clear()
    return _locks(landscape)


def _locks(landscape: "SapLandscape") -> Json:
    return {"locks": [{"object": name, "id": id, "user": user} for (name, id), user in landscape.locks.items()]}


def _unlock_user(landscape: "SapLandscape", _request: Request, _body: Mapping[str, Json], argument: str) -> Json:
    landscape.logins.lockout.unlock(argument)
    return {"locked": sorted(landscape.logins.lockout.locked)}


def _settings(landscape: "SapLandscape", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    if "page_size" in body:
        landscape.page_size = int(str(body["page_size"])) or None
    if "token_life" in body:
        landscape.logins.life = timedelta(seconds=float(str(body["token_life"])))
    if "session_cookie" in body:
        landscape.sessions.cookie = landscape.sessions.names[int(str(body["session_cookie"]))]
    life = landscape.logins.life.total_seconds()
    return {"page_size": landscape.page_size, "token_life": life, "session_cookie": landscape.sessions.cookie}


def _assertion(landscape: "SapLandscape", _request: Request, _body: Mapping[str, Json], argument: str) -> Json:
    return {"saml": landscape.saml_assertion(argument), "jwt": landscape.user_token(argument)}


def _end_sessions(landscape: "SapLandscape", _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    landscape.sessions.end_all()
    return {}


LEVERS: "Final[Levers[SapLandscape]]" = {
    ("POST", "bindings"): _bind,
    ("DELETE", "bindings"): _unbind,
    ("POST", "locks"): _lock,
    ("DELETE", "locks"): _unlock,
    ("DELETE", "lockedusers"): _unlock_user,
    ("POST", "settings"): _settings,
    ("GET", "assertions"): _assertion,
    ("DELETE", "sessions"): _end_sessions,
}
