"""What follows from a record's state, and which moves of it are legal?"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, cast

from .schema import TableDefinition, data_file
from .shown import duration
from .store import Row, read

_RATED: Final = ("incident", "problem")


@dataclass(frozen=True, slots=True)
class Model:
    """The states of one table: `moves` says where each may lead, `models` what differs for a type of record."""

    mirror: str
    closed: frozenset[str]
    resolved: frozenset[str]
    rule: str
    service_only: bool
    moves: Mapping[str, tuple[str, ...]]
    models: Mapping[str, Mapping[str, tuple[str, ...]]]

    def allows(self, old: Row, new: Row) -> bool:
        """Say whether the move is legal."""
        if not self.moves:
            return True
        own = self.models.get(new.get("type", ""), {})
        return new["state"] in own.get(old["state"], self.moves.get(old["state"], ()))

    def next_states(self, row: Row) -> tuple[str, ...]:
        """Return where the record may go."""
        own = self.models.get(row.get("type", ""), {})
        return own.get(row["state"], self.moves.get(row["state"], ()))


@cache
def _models() -> Mapping[str, Model]:
    found = {}
    for name, each in data_file("states.toml").items():
        data = cast("Mapping[str, object]", each)
        if name == "priority":
            continue
        models = cast("Mapping[str, Mapping[str, list[str]]]", data.get("models", {}))
        found[name] = Model(
            mirror=str(data.get("mirror", "")),
            closed=frozenset(cast("list[str]", data.get("closed", []))),
            resolved=frozenset(cast("list[str]", data.get("resolved", []))),
            rule=str(data.get("rule", "")),
            service_only=bool(data.get("service_only", False)),
            moves=_moves(cast("Mapping[str, list[str]]", data.get("moves", {}))),
            models={kind: _moves(moves) for kind, moves in models.items()},
        )
    return found


def _moves(data: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {state: tuple(after) for state, after in data.items()}


def model_of(table: TableDefinition) -> Model | None:
    """Return the states of a table, or of the nearest table above it; None where it has none."""
    return next((_models()[each.name] for each in table.line if each.name in _models()), None)


def derive(table: TableDefinition, row: Row, old: Row | None, user_id: str, now: str) -> None:
    """Fill in what the platform computes: priority, mirrored state, closing stamps, a person's name."""
    if table.extends("sys_user"):
        row["name"] = " ".join(part for part in (row["first_name"], row["last_name"]) if part)
    model = model_of(table)
    if model is None:
        return
    if table.name in _RATED:
        matrix = cast("Mapping[str, str]", data_file("states.toml")["priority"])
        row["priority"] = matrix.get(f"{row['impact']},{row['urgency']}", row["priority"])
    if model.mirror:
        _mirror(row, old, model.mirror)
    closed = row["state"] in model.closed
    row["active"] = "false" if closed else "true"
    if closed and not row["closed_at"]:
        row.update(closed_at=now, closed_by=row["closed_by"] or user_id)
    elif not closed and row["closed_at"]:
        row.update(closed_at="", closed_by="")
    if row["state"] in model.resolved and "resolved_at" in row and not row["resolved_at"]:
        _resolve(row, user_id, now)


def _mirror(row: Row, old: Row | None, mirror: str) -> None:
    before = old or {"state": "", mirror: ""}
    if old is not None and row[mirror] != before[mirror] and row["state"] == before["state"]:
        row["state"] = row[mirror]
    else:
        row[mirror] = row["state"]


def _resolve(row: Row, user_id: str, now: str) -> None:
    row.update(resolved_at=now, resolved_by=row["resolved_by"] or user_id)
    seconds = max(0, int((read(now) - read(row["opened_at"])).total_seconds())) if row["opened_at"] else 0
    row["calendar_duration"] = row["business_duration"] = duration(seconds)
    if "calendar_stc" in row:
        row["calendar_stc"] = row["business_stc"] = str(seconds)
