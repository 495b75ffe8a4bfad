"""Decide where labelled data may flow, and in which form, without touching anything."""

from .classes import KNOWN_CLASSES, covers
from .countries import UNKNOWN_COUNTRY, countries, normalise_country
from .forms import Form
from .labels import Integrity, Label
from .places import Places, hint_for_host
from .policy import FlowPolicy
from .reading import FlowPolicyError
from .rulebook import Decision
from .rules import Rule
from .zones import Attestation, Consumer, Transfer, Zone

__all__ = [
    "KNOWN_CLASSES",
    "UNKNOWN_COUNTRY",
    "Attestation",
    "Consumer",
    "Decision",
    "FlowPolicy",
    "FlowPolicyError",
    "Form",
    "Integrity",
    "Label",
    "Places",
    "Rule",
    "Transfer",
    "Zone",
    "countries",
    "covers",
    "hint_for_host",
    "normalise_country",
]
