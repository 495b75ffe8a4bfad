"""Which value takes the place of another, so that it keeps its shape and says nothing?

Everything comes from a keyed hash, so that equal values get equal stand-ins; the key is thrown away with the recording.
"""

import hmac
import re
from datetime import UTC, date, datetime, time, timedelta

from isthmus.core.facts import FieldFacts, FieldType

__all__ = ["FEW", "StandIns", "bare", "moment_of"]

LONGEST = 160
"""Letters of a text beyond which it is replaced as a whole: word by word, a long one would tell by its rhythm."""
FIRST_DAY, DAYS = date(1950, 1, 1), 25_000
_WORD = re.compile(r"[^\W_]+")
_KEPT = " .,-+/()@&:#"
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:([T ])(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_TICKS = re.compile(r"/Date\((-?\d{1,14})(?:[+-]\d{4})?\)/", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"\d{8}", re.ASCII)
_HEX = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{12,128}", re.ASCII)
"""An id of many systems, which some look at before they take it."""
_CONSONANTS, _VOWELS = "bcdfghjklmnpqrstvwxz", "aeiouy"
_CHOOSING = (FieldType.CHOICE, FieldType.CHOICES)
PLAIN = FieldFacts("")
TURNS = 50
FEW = 3
"""Letters of a word up to which there are so few that a stand-in may be a real value too."""


def bare(text: str) -> str:
    """Return a text without what languages escape."""
    return " ".join(_WORD.findall(text)).casefold()


def moment_of(text: str) -> datetime | date | None:
    """Return the day or the moment that a text is as a whole (ISO 8601, OData V2); None where it is none."""
    if (told := _TICKS.fullmatch(text)) is not None:
        try:
            found = EPOCH + timedelta(milliseconds=int(told[1]))
        except OverflowError:
            return None
        return found if found.time() != time() else found.date()
    if _MOMENT.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None


class StandIns:
    """The stand-ins of one recording: `given` maps each text to what took its place, `made` holds what did."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.given: dict[str, str] = {}
        self.made: set[str] = set()
        self.numbers: set[int | float] = set()
        self._taken: dict[str, str] = {}

    def listed(self) -> list[str | int | float]:
        """Return all stand-ins, in an order that says nothing."""
        return [*sorted(self.made), *sorted(self.numbers)]

    def text(self, value: str, facts: FieldFacts = PLAIN) -> str:
        """Return the stand-in of a text; that of blanks is themselves."""
        if not value.strip():
            return value
        found = self.given.get(value)
        if found is None:
            found = self.given[value] = self._unlike(value, facts)
            self.made.add(found)
        return found

    def _unlike(self, value: str, facts: FieldFacts) -> str:
        """Return a stand-in that no other value has, as far as there are any: a replay tells values apart by them."""
        for turn in range(TURNS):
            found = self._made(value, facts, turn)
            if moment_of(found) is not None or self._taken.setdefault(bare(found), bare(value)) == bare(value):
                break
        return found

    def number(self, value: float) -> int | float:
        """Return a number of as many digits."""
        whole = abs(int(value))
        digits = max(len(str(whole)), 1)
        low = 10 ** (digits - 1) if digits > 1 else 0
        made: int | float = low + self._draw(f"number|{float(value)!r}") % (10**digits - low)
        if made == whole:
            made = low + (made - low + 1) % (10**digits - low)
        made = -made if value < 0 else made
        if isinstance(value, float):
            made = made + round(self._draw(f"part|{value!r}") % 100 / 100, 2)
        self.numbers.add(made)
        return made

    def truth(self, value: object, facts: FieldFacts) -> bool:
        """Return true or false; neither says what was there."""
        return bool(self._draw(f"truth|{facts.name}|{value}") % 2)

    def _made(self, value: str, facts: FieldFacts, turn: int) -> str:
        if facts.type in _CHOOSING and value in facts.choices and len(facts.choices) > 1:
            others = [one for one in facts.choices if one != value]
            return others[(self._draw(f"choice|{facts.name}|{value}") + turn) % len(others)]
        if facts.type is FieldType.BOOLEAN and value in ("true", "false"):
            return str(self.truth(value, facts)).lower()
        if (found := self._moment(value, facts)) is not None:
            return found
        if facts.type is FieldType.TIME:
            return re.sub(r"\d", "0", value)
        if facts.type is FieldType.BINARY:
            return "c3RhbmQtaW4="
        if len(value) > LONGEST:
            return f"stand-in {self._draw(f'long|{value}') % 10**12:012d}"
        user, at, host = value.partition("@")
        if at and host and " " not in value:
            return f"{self._words(user, turn)}@{self._words(host.rpartition('.')[0] or host)}.example"
        if value.startswith(("http://", "https://")):
            return f"https://{self._words(value.partition('://')[2], turn).replace('/', '.').replace(' ', '')}.example"
        return self._words(value, turn)

    def _words(self, text: str, turn: int = 0) -> str:
        """Replace each word by itself, so that a part of a name has the same stand-in as in the whole.

        Later turns make others of short words, of which there are few.
        """
        short = any(len(word) <= FEW for word in _WORD.findall(text))
        made, end = [], 0
        for found in _WORD.finditer(text):
            other = turn if len(found[0]) <= FEW or not short else 0
            made += [_between(text[end : found.start()]), self._word(found[0], other)]
            end = found.end()
        return "".join([*made, _between(text[end:])]) or "-"

    def _word(self, word: str, first: int) -> str:
        for turn in range(100 * first, 100 * first + 100):
            made = self._letters(word, turn)
            if made.casefold() != word.casefold():
                return made
        return "x" * len(word)

    def _letters(self, word: str, turn: int) -> str:
        drawn = self._draw(f"word|{turn}|{word}")
        if _HEX.fullmatch(word):
            return f"{drawn:0128x}"[: len(word)]
        plain = word.isalpha()
        size = len(word) if len(word) <= 3 or not plain else 4 + drawn % 5
        made = []
        for at in range(size):
            drawn, letter = divmod(drawn, 120)
            like = word[at] if not plain or at < len(word) else word[-1]
            if like.isdigit():
                made.append(str(letter % 10) if at or letter % 10 else "7")
                continue
            chosen = (_VOWELS if at % 2 else _CONSONANTS)[letter % (6 if at % 2 else 20)]
            made.append(chosen.upper() if like.isupper() else chosen)
        return "".join(made)

    def _moment(self, value: str, facts: FieldFacts) -> str | None:
        """Return another day or moment, spelled alike; two spellings of one moment get the same."""
        if facts.type is FieldType.DATE and _DAY.fullmatch(value):
            return self._day(f"{value[:4]}-{value[4:6]}-{value[6:]}").strftime("%Y%m%d")
        known, found = moment_of(value), _MOMENT.fullmatch(value)
        if known is not None and found is None:
            told = self._moment(known.isoformat().replace("+00:00", "Z"), facts)
            return re.sub(r"-?\d+", str(_ticks(told or "")), value, count=1)
        if known is None or found is None:
            return None
        if not isinstance(known, datetime):
            return self._day(value).isoformat()
        zone = known.tzinfo or UTC
        utc = known.replace(tzinfo=zone).astimezone(UTC)
        told = utc.replace(microsecond=0).isoformat()
        seconds = self._draw(f"seconds|{told}") % 86_400
        moment = datetime.combine(self._day(told), time(), UTC) + timedelta(seconds=seconds)
        moment = moment.astimezone(zone)
        text = moment.strftime(f"%Y-%m-%d{found[4]}%H:%M") + (moment.strftime(":%S") if found[7] else "")
        return text + (re.sub(r"\d", "0", found[8]) if found[8] else "") + (found[9] or "")

    def _day(self, told: str) -> date:
        return FIRST_DAY + timedelta(days=self._draw(f"day|{told}") % DAYS)

    def _draw(self, told: str) -> int:
        return int.from_bytes(hmac.digest(self._key, told.encode("utf-8", "surrogatepass"), "sha512"))


def _ticks(text: str) -> int:
    """Return the milliseconds since 1970 of a day or a moment."""
    found = moment_of(text)
    if not isinstance(found, datetime):
        found = datetime.combine(found or FIRST_DAY, time(), UTC)
    return round((found - EPOCH).total_seconds() * 1000)


def _between(text: str) -> str:
    return "".join(one if one in _KEPT else "-" for one in text)
