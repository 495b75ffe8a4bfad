"""Which levers does an instance have that other systems have not?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Request

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.control import Levers

    from .instance import ServiceNowInstance


def _add_client(instance: "ServiceNowInstance", _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    client_id, secret = instance.logins.add_client()
    return {"client_id": client_id, "client_secret": secret}


def _retire_client(instance: "ServiceNowInstance", _request: Request, _body: Mapping[str, Json], argument: str) -> Json:
    instance.logins.retire_client(argument)
    return {"clients": sorted(instance.logins.clients)}


def _rates(instance: "ServiceNowInstance", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    instance.rates.commits_every = float(str(body["commits_every"]))
    return {"commits_every": instance.rates.commits_every}


LEVERS: "Final[Levers[ServiceNowInstance]]" = {
    ("POST", "clients"): _add_client,
    ("DELETE", "clients"): _retire_client,
    ("POST", "rates"): _rates,
}
