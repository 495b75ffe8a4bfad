"""Who is asking, and how does this person see values?"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Viewer:
    """One user with roles and groups (their sys_ids), and the zone and form in which dates are displayed."""

    user_id: str
    user_name: str
    roles: frozenset[str]
    groups: tuple[str, ...]
    zone: ZoneInfo
    date_form: str

    @property
    def is_admin(self) -> bool:
        """Say whether every access rule lets this user through."""
        return "admin" in self.roles

    def has_any(self, roles: frozenset[str]) -> bool:
        """Say whether the user has one of these roles, or none is asked for."""
        return not roles or self.is_admin or bool(self.roles & roles)
