"""Who are the enterprise's customers, the same in every system?"""

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from typing import Final, TypedDict, cast

HOMES: Final = ("eu", "us")
_SHARES: Final = {
    "eu": {"DE": 41, "FR": 28, "GB": 23, "US": 5, "": 3},
    "us": {"DE": 8, "FR": 2, "GB": 4, "US": 80, "": 6},
}


@dataclass(frozen=True, slots=True)
class Company:
    """One customer; `country` is ISO alpha-2, `home` the region whose systems hold it."""

    number: int
    name: str
    country: str
    country_name: str
    street: str
    city: str
    state: str
    postal_code: str
    domain: str
    phone: str
    industry: str
    revenue: int
    employees: int
    home: str


@dataclass(frozen=True, slots=True)
class Human:
    """One person at a customer; `country` is empty where nobody ever wrote it down."""

    number: int
    given: str
    family: str
    salutation: str
    email: str
    phone: str
    mobile: str
    born: date
    national_id: str
    diagnosis: str | None
    hobby: str
    interests: str | None
    title: str
    department: str
    country: str
    country_name: str | None
    street: str
    city: str
    state: str
    postal_code: str
    company: int
    home: str


@dataclass(frozen=True, slots=True)
class Enterprise:
    """All customers and their people."""

    companies: tuple[Company, ...]
    humans: tuple[Human, ...]


@dataclass(frozen=True, slots=True)
class Employee:
    """One of the enterprise's own people."""

    login: str
    given: str
    family: str


@cache
def staff() -> Mapping[str, Employee]:
    """Return the enterprise's own people by login."""
    listed = tomllib.loads((files(__package__) / "data" / "staff.toml").read_text("utf-8"))["staff"]
    return {login: Employee(login, given, family) for login, given, family in listed}


_EMPLOYER: Final = Company(
    -1,
    "Kessmar GmbH",
    "DE",
    "Germany",
    "Hopfenmarkt 1",
    "Hamburg",
    "HH",
    "20095",
    "kessmar.example",
    "",
    "",
    0,
    0,
    "eu",
)


@cache
def workforce(seed: int, size: int = 320) -> tuple[Human, ...]:
    """Make up the enterprise's people beside its staff: those that the personnel system alone knows."""
    random = Random(f"isthmus workforce {seed}")  # noqa: S311 - made-up people, no secret
    employers = {home: {"": [_EMPLOYER]} for home in HOMES}
    return tuple(_human(random, number, employers) for number in range(size))


class _Names(TypedDict):
    country: str
    forms: list[str]
    given_m: list[str]
    given_f: list[str]
    family: list[str]
    streets: list[str]
    cities: list[list[str]]


@cache
def _load() -> dict[str, object]:
    return tomllib.loads((files(__package__) / "data" / "names.toml").read_text("utf-8"))


def _names(country: str) -> _Names:
    return cast("_Names", _load()[country])


def _words(name: str) -> list[str]:
    return cast("list[str]", _load()[name])


@cache
def build(seed: int, companies: int = 2_000, humans: int = 10_000) -> Enterprise:
    """Make up an enterprise; the same arguments give the same one on every machine."""
    random = Random(f"isthmus enterprise {seed}")  # noqa: S311 - made-up people, no secret
    firms = tuple(_company(random, number) for number in range(companies))
    by_home: dict[str, dict[str, list[Company]]] = {home: {} for home in HOMES}
    for firm in firms:
        by_home[firm.home].setdefault(firm.country, []).append(firm)
    people = tuple(_human(random, number, by_home) for number in range(humans))
    return Enterprise(firms, people)


def _pick_country(random: Random, home: str) -> str:
    shares = _SHARES[home]
    return random.choices(list(shares), list(shares.values()))[0]


def _home(number: int) -> str:
    return "eu" if number % 5 < 3 else "us"


def _company(random: Random, number: int) -> Company:
    home = _home(number)
    country = _pick_country(random, home) or ("DE" if home == "eu" else "US")
    names = _names(country)
    city, postal_code, state = random.choice(names["cities"])
    base = f"{random.choice(_words('stems'))} {random.choice(_words('branches'))}"
    return Company(
        number=number,
        name=f"{base} {random.choice(names['forms'])}",
        country=country,
        country_name=names["country"],
        street=_street(random, country),
        city=city,
        state=state,
        postal_code=postal_code,
        domain=f"{_ascii(base)}-{number}.example",
        phone=_phone(random, country),
        industry=random.choice(_words("industries")),
        revenue=random.randrange(200, 900_000) * 1_000,
        employees=random.randrange(5, 20_000),
        home=home,
    )


def _human(random: Random, number: int, firms: dict[str, dict[str, list[Company]]]) -> Human:
    home = _home(number)
    country = _pick_country(random, home)
    culture = country or random.choice(["DE", "FR", "GB", "US"])
    names = _names(culture)
    male = random.random() < 0.5
    given = random.choice(names["given_m"] if male else names["given_f"])
    family = random.choice(names["family"])
    local = firms[home].get(culture) or [each for group in firms[home].values() for each in group]
    firm = random.choice(local)
    city, postal_code, state = random.choice(names["cities"])
    return Human(
        number=number,
        given=given,
        family=family,
        salutation=random.choices(["Mr." if male else "Ms.", "Dr.", "Prof."], [88, 10, 2])[0],
        email=f"{_ascii(given)}.{_ascii(family)}.{number}@{firm.domain}",
        phone=_phone(random, culture),
        mobile=_phone(random, culture),
        born=date(1950, 1, 1) + timedelta(days=random.randrange(20_000)),
        national_id=_national_id(random, culture),
        diagnosis=random.choice(_words("diagnoses")) if random.random() < 0.2 else None,
        hobby=random.choice(_words("hobbies")),
        interests=";".join(sorted(random.sample(_words("interests"), random.randrange(4)))) or None,
        title=random.choice(_words("titles")),
        department=random.choice(_words("departments")),
        country=country,
        country_name=names["country"] if country else None,
        street=_street(random, culture),
        city=city,
        state=state,
        postal_code=postal_code,
        company=firm.number,
        home=home,
    )


def _street(random: Random, country: str) -> str:
    street, house = random.choice(_names(country)["streets"]), random.randrange(1, 240)
    return f"{street} {house}" if country == "DE" else f"{house} {street}"


def _phone(random: Random, country: str) -> str:
    """Return a number from a range that the country's regulator keeps free for fiction."""
    match country:
        case "DE":
            return f"+49 30 23125 {random.randrange(1000):03d}"
        case "FR":
            return f"+33 1 99 00 {random.randrange(100):02d} {random.randrange(100):02d}"
        case "GB":
            return f"+44 7700 900{random.randrange(1000):03d}"
        case _:
            return f"+1 (555) 555-01{random.randrange(100):02d}"


def _national_id(random: Random, country: str) -> str:
    """Return an identifier in a form that no authority gives out."""
    serial = random.randrange(10**8)
    match country:
        case "DE":
            return f"00 {serial % 10**6:06d} X {serial % 1000:03d}"
        case "FR":
            return f"0 00 13 {serial % 10**5:05d} {serial % 1000:03d} 00"
        case "GB":
            return f"QQ {serial % 100:02d} {serial // 100 % 100:02d} {serial // 10**4 % 100:02d} Z"
        case _:
            return f"9{serial % 100:02d}-{serial // 100 % 100:02d}-{serial // 10**4:04d}"


def _ascii(text: str) -> str:
    spelled = text.lower()
    for letter, pair in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("œ", "oe")):
        spelled = spelled.replace(letter, pair)
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return "".join(char if char.isalnum() else "-" for char in plain).replace("--", "-").strip("-")
