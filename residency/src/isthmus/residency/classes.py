"""What kinds of data are there, and which of them speak about people?"""

UNCLASSIFIED = "unclassified"
PSEUDONYMOUS = "pseudonymous"

KNOWN_CLASSES = frozenset(
    {
        "public",
        "internal",
        "pii",
        "pii.special",
        "pii.child",
        "phi",
        "hr",
        "financial",
        "financial.card",
        "secret",
        "free_text",
        UNCLASSIFIED,
        PSEUDONYMOUS,
    }
)

_PERSONAL = frozenset({"pii", "pii.special", "pii.child", "phi", "hr", "financial.card", "free_text", PSEUDONYMOUS})


def covers(named: str, found: str) -> bool:
    """Say whether a rule that names one class concerns data of the class found.

    A class covers its dotted children, and `pii` covers `hr`: what is told of a job is told of a person. A class nobody
    knows could be anything, so every rule concerns it.
    """
    wider = found == named or found.startswith(f"{named}.") or found not in KNOWN_CLASSES
    return wider or (named == "pii" and found == "hr")


def is_personal(found: str) -> bool:
    """Say whether data of this class speaks about a person; a class nobody knows may."""
    return found in _PERSONAL or found not in KNOWN_CLASSES
