"""How are agents registered in the Agent System of Record?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from isthmus.plugins.sandbox.message import Json, Reply

from .call import inner_id
from .errors import Problem, Refused, forbidden, not_found, rejected

if TYPE_CHECKING:
    from .call import Call

_REQUIRED: Final = ("name", "description", "url", "provider", "platform", "version", "capabilities", "skills")
_OWN: Final = "Platform=Workday"


def answer(call: "Call") -> Reply:
    """List, read, or register; raises Refused. Registering the same name, provider and version again updates."""
    if not call.user.domains & {"*", "agents"}:
        raise forbidden()
    collection, _, mark = call.place.rest.partition("/")
    if collection != "agentDefinition":
        raise not_found()
    agents = call.tenant.agents
    if call.method == "GET" and not mark:
        return call.page(list(agents.values()))
    if call.method == "GET":
        if mark not in agents:
            raise not_found()
        return Reply(200, agents[mark])
    if call.method == "POST" and not mark:
        return _register(call)
    raise Refused(405, "Method not allowed")


def _register(call: "Call") -> Reply:
    body = _checked(call)
    agents = call.tenant.agents
    provider = inner_id(body, "provider")
    key = "/".join((str(body["name"]), provider, str(body["version"])))
    thing = call.tenant.things.of("Agent_ID", key, str(body["name"]))
    external = body.get("externalAgentID")
    for id, other in agents.items():
        same = other.get("externalAgentID") == external and inner_id(other, "provider") == provider
        if external and same and id != thing.wid:
            raise rejected(
                Problem("The external agent ID must be unique for the provider.", "A3015", "externalAgentID")
            )
    call.did("updated" if thing.wid in agents else "created", "Agent", thing.wid)
    agents[thing.wid] = {**body, "id": thing.wid, "descriptor": thing.descriptor}
    return Reply(201, agents[thing.wid])


def _checked(call: "Call") -> Mapping[str, Json]:
    body = call.json
    missing = [each for each in _REQUIRED if body.get(each) in (None, "")]
    if missing:
        raise rejected(*(Problem(f"{each} is required.", field=each) for each in missing))
    if inner_id(body, "platform") == _OWN:
        text = "Workday may not be the platform of agents of third parties."
        raise rejected(Problem(text, "A161", "platform"))
    skills = body["skills"]
    for place, each in enumerate(skills if isinstance(skills, list) else []):
        skill = cast("Mapping[str, Json]", each) if isinstance(each, dict) else {}
        lacks = [name for name in ("id", "name", "description", "tags") if not skill.get(name)]
        if lacks:
            raise rejected(*(Problem(f"{name} is required.", field=name, path=f"skills[{place}]") for name in lacks))
    return body
