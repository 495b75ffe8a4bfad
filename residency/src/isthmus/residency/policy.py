"""In which form may this value go there, for this purpose, today?"""

from collections.abc import Mapping
from datetime import date

from . import checks, explaining, loading
from .digests import digest
from .labels import Label
from .places import Places
from .rulebook import Decision, Rulebook
from .zones import ANYONE, NOWHERE_KNOWN, Consumer, Zone

_MEMO_LIMIT = 65_536


class FlowPolicy:
    """Decide flows by rules that only narrow; decisions are remembered by label, zones, consumer, purpose and day."""

    __slots__ = ("_clients", "_memo", "digest", "rulebook")

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.digest = digest(rulebook)
        self._memo: dict[tuple[Label, str, str | None, str | None, str, date], Decision] = {}
        self._clients = {
            client_id: consumer for consumer in rulebook.consumers.values() for client_id in consumer.client_ids
        }

    @classmethod
    def load(cls, source: str | Mapping[str, object], *, places: Places | None = None) -> "FlowPolicy":
        """Read a policy from TOML text or a parsed mapping; without places the shipped ones hold.

        Raises:
            FlowPolicyError: anything in it is unknown, missing or of the wrong type.
        """
        return cls(loading.read(source, places or Places.shipped()))

    def decide(
        self,
        label: Label,
        *,
        origin_zone: str,
        consumer: str | None = None,
        zone: str | None = None,
        purpose: str,
        on: date,
    ) -> Decision:
        """Judge one flow, to a consumer by name or, where a system receives it, to a zone; neither is strictest."""
        key = (label, origin_zone, consumer, zone, purpose, on)
        found = self._memo.get(key)
        if found is None:
            found = self.rulebook.judge(
                self.rulebook.flow(label, origin_zone=origin_zone, consumer=consumer, zone=zone, purpose=purpose, on=on)
            )
            if len(self._memo) >= _MEMO_LIMIT:
                self._memo.clear()
            self._memo[key] = found
        return found

    def explain(
        self,
        label: Label,
        *,
        origin_zone: str,
        consumer: str | None = None,
        zone: str | None = None,
        purpose: str,
        on: date,
    ) -> list[str]:
        """Tell the decision in lines: the flow, each rule, what the zone attests, and what would have changed it."""
        return explaining.explain(
            self.rulebook,
            self.rulebook.flow(label, origin_zone=origin_zone, consumer=consumer, zone=zone, purpose=purpose, on=on),
        )

    def check(self, on: date) -> list[str]:
        """List what an operator should look at, each with its remedy; an empty list is good news."""
        return checks.findings(self.rulebook, on)

    @property
    def zones(self) -> Mapping[str, Zone]:
        """Give the declared zones by name."""
        return self.rulebook.zones

    @property
    def consumers(self) -> Mapping[str, Consumer]:
        """Give the declared consumers by name."""
        return self.rulebook.consumers

    def zone(self, name: str) -> Zone:
        """Find a zone; one that is not declared is anywhere, with nothing attested."""
        return self.rulebook.zones.get(name, NOWHERE_KNOWN)

    def consumer_for(self, client_id: str) -> Consumer:
        """Find whom an authenticated client is; a client nobody declared is anyone, named `"??"`, in no zone."""
        return self._clients.get(client_id, ANYONE)

    def members(self, name: str, on: date) -> frozenset[str]:
        """List the countries of a jurisdiction of this policy or of the places, or the one country named.

        Raises:
            FlowPolicyError: there is no such place.
        """
        self.rulebook.require_places([name], "members")
        return self.rulebook.members(frozenset({name}), on)
