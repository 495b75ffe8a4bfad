"""Which instances may be named before anybody has listed them?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from .absence_rules import absence_types
from .refs import APPLICANT, ORGANIZATION, WORKER, Things
from .users import data_file

if TYPE_CHECKING:
    from .world import World

CURRENCIES: Final = {"EUR": ("Euro", 2), "USD": ("US Dollar", 2), "GBP": ("Pound Sterling", 2), "JPY": ("Yen", 0)}
_STATUSES: Final = ("In Progress", "Successfully Completed", "Denied", "Canceled", "Rescinded")


def register(things: Things, world: "World") -> None:
    """Make every instance known that stands in the data files or in what the workers hold."""
    for person in world.people.values():
        things.of(WORKER, person.number, person.name)
    for each in world.organizations.values():
        things.of(ORGANIZATION, each.key, each.name)
    for number in world.people:
        for entry in world.history.entries(number):
            for name, kind in (("profile", "Job_Profile_ID"), ("location", "Location_ID"), ("position", "Position_ID")):
                if name in entry.values:
                    things.of(kind, str(entry.values[name]))
    for kind, key, name in _listed():
        things.of(kind, key, name)
    for applicant in world.applicants.values():
        things.of(APPLICANT, applicant.number, applicant.name)


def _listed() -> Iterator[tuple[str, str, str]]:
    yield "Action", "Submit", "Submit"
    for key, (name, _) in CURRENCIES.items():
        yield "Currency_ID", key, name
    for status in _STATUSES:
        yield "Status_ID", status.replace(" ", "_"), status
    for each in absence_types().values():
        yield "Time_Off_Type_ID", each.key, each.name
        for reason in each.reasons:
            yield "Time_Off_Reason_ID", reason, ""
    pay = cast("Mapping[str, Sequence[Sequence[str]]]", data_file("pay.toml"))
    kinds = {
        "plans": "One_Time_Payment_Plan_ID",
        "reasons": "One_Time_Payment_Reason_ID",
        "job_change_reasons": "Change_Job_Subcategory_ID",
        "hire_reasons": "General_Event_Subcategory_ID",
        "employee_types": "Employee_Type_ID",
        "time_types": "Position_Time_Type_ID",
    }
    for name, kind in kinds.items():
        for row in pay[name]:
            yield kind, row[0], row[1]
