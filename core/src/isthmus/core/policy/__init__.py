"""May this call be made: by the rules for the agent, for the person it acts for, and for the chain it is part of?"""

from importlib.resources import files

from isthmus.core.policy.decision import Policy, Verdict
from isthmus.core.policy.directory import Agent, ConnectionFacts, Directory, User, ZoneFacts
from isthmus.core.policy.explain import explain
from isthmus.core.policy.listing import could
from isthmus.core.policy.matrix import matrix
from isthmus.core.policy.obligations import Duty, Obligation
from isthmus.core.policy.question import Question, RecordFacts, Related
from isthmus.core.policy.risk import Circumstances, Risk, assess
from isthmus.core.policy.rules import policy_texts
from isthmus.core.policy.sequences import Attempt, AttemptState, Broken, SequenceRules, canonical

__all__ = [
    "Agent",
    "Attempt",
    "AttemptState",
    "Broken",
    "Circumstances",
    "ConnectionFacts",
    "Directory",
    "Duty",
    "Obligation",
    "Policy",
    "Question",
    "RecordFacts",
    "Related",
    "Risk",
    "SequenceRules",
    "User",
    "Verdict",
    "ZoneFacts",
    "assess",
    "canonical",
    "could",
    "explain",
    "matrix",
    "policy_texts",
    "starter_texts",
]


def starter_texts() -> dict[str, str]:
    """Return the commented starter files by name: Cedar policies and sequences.toml."""
    folder = files("isthmus.core.policy").joinpath("starter")
    return {one.name: one.read_text(encoding="utf-8") for one in sorted(folder.iterdir(), key=lambda one: one.name)}
