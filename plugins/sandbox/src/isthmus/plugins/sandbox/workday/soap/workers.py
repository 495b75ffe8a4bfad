"""How does Get_Workers answer: which workers, on which page, of which day, with which groups?"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element

from isthmus.plugins.sandbox.salesforce.xml_text import local
from isthmus.plugins.sandbox.workday.errors import Fault
from isthmus.plugins.sandbox.workday.refs import ORGANIZATION, WORKER

from .groups import GROUPS, Shown, reference
from .xml import SPACE, VALIDATION, child, children, el, is_true, leaf, ref, referred, text_of

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.workday.call import Call

MOST: Final = 999
_DEFAULT: Final = 100
_ASKED: Final = ("Include_Reference", *GROUPS)


def get_workers(call: "Call", asked: Element, version: str) -> str:
    """Answer Get_Workers; raises Fault."""
    day, moment = _moments(call, asked)
    numbers = _numbers(call, asked, day, moment)
    shown, results = page_of(asked, numbers)
    groups = [each for each in _ASKED if is_true(asked, "Response_Group", each)]
    workers = "".join(_worker(Shown(call, each, day, moment), groups) for each in shown) if groups else ""
    inside = _echo(call, asked)
    inside += el("Response_Group", "".join(leaf(each, value=True) for each in groups))
    inside += results
    inside += el("Response_Data", workers) if workers else ""
    return f'<wd:Get_Workers_Response xmlns:wd="{SPACE}" wd:version="{version}">{inside}</wd:Get_Workers_Response>'


def page_of(asked: Element, rows: Sequence[str]) -> tuple[Sequence[str], str]:
    """Return the page that is asked for, and what is told of it; raises Fault."""
    page, count = (_positive(asked, name, default) for name, default in (("Page", 1), ("Count", _DEFAULT)))
    if count > MOST:
        raise _wrong(asked, f"Count must be at most {MOST}", "Count")
    shown = rows[(page - 1) * count : page * count]
    results = {
        "Total_Results": len(rows),
        "Total_Pages": -(-len(rows) // count),
        "Page_Results": len(shown),
        "Page": page,
    }
    return shown, el("Response_Results", "".join(leaf(name, value) for name, value in results.items()))


def _echo(call: "Call", asked: Element) -> str:
    references = children(child(asked, "Request_References"), "Worker_Reference")
    told = "".join(ref("Worker_Reference", referred(call.tenant.things, each, WORKER)) for each in references)
    found = el("Request_References", told) if told else ""
    filter_ = child(asked, "Response_Filter")
    if filter_ is not None:
        kept = ((local(each), (each.text or "").strip()) for each in filter_)
        found += el("Response_Filter", "".join(leaf(name, text) for name, text in kept if text))
    return found


def _worker(shown: Shown, groups: list[str]) -> str:
    inside = reference(shown) if "Include_Reference" in groups else ""
    data = "".join(write(shown) for name, write in GROUPS.items() if name in groups)
    if any(name in groups for name in GROUPS):
        login = leaf("User_ID", shown.person.login) if shown.person.login else ""
        inside += el("Worker_Data", leaf("Worker_ID", shown.number) + login + data)
    return el("Worker", inside)


def _numbers(call: "Call", asked: Element, day: date, moment: datetime) -> list[str]:
    """Return which workers are asked for and seen; raises Fault for an id that names none."""
    references = children(child(asked, "Request_References"), "Worker_Reference")
    if references:
        found = [referred(call.tenant.things, each, WORKER).key for each in references]
        known = set(call.tenant.world.history.known(moment))
        return [each for each in found if each in known and call.view.sees(each, day)]
    numbers = call.view.workers(day, moment)
    wanted = children(child(asked, "Request_Criteria"), "Organization_Reference")
    if wanted:
        keys = {referred(call.tenant.things, each, ORGANIZATION).key for each in wanted}
        names = ("organization", "cost_center", "company")
        numbers = [
            each for each in numbers if any(call.view.facts(each, day, moment).get(name) in keys for name in names)
        ]
    return numbers


def _moments(call: "Call", asked: Element) -> tuple[date, datetime]:
    day, moment = call.view.today, call.tenant.clock.now()
    effective = text_of(asked, "Response_Filter", "As_Of_Effective_Date")
    entered = text_of(asked, "Response_Filter", "As_Of_Entry_DateTime")
    try:
        day = date.fromisoformat(effective[:10]) if effective else day
        moment = datetime.fromisoformat(entered) if entered else moment
    except ValueError:
        raise _wrong(asked, "Invalid date", "As_Of") from None
    return day, moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _positive(asked: Element, name: str, default: int) -> int:
    text = text_of(asked, "Response_Filter", name)
    if not text:
        return default
    if not text.isascii() or not text.isdecimal() or not int(text[:9]) > 0:
        raise _wrong(asked, f"{name} must be a positive number", name)
    return int(text[:9])


def _wrong(asked: Element, text: str, name: str) -> Fault:
    path = f"/bsvc:{local(asked)}/bsvc:Response_Filter/bsvc:{name}"
    return Fault(VALIDATION, f"Validation error occurred. {text}", (text, path))
