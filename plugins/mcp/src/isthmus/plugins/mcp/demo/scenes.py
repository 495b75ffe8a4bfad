"""In which order is the demo told?"""

from isthmus.plugins.mcp.demo.joining import (
    approves_nothing,
    asks_access,
    changes_owner,
    hands_name_on,
    hires,
    issues_badges,
    lists_tools,
    meets_them,
    reads_offers,
)
from isthmus.plugins.mcp.demo.mishaps import (
    kept_secrets,
    loses_answer,
    survives_expiry,
    verifies_audit,
    waits_for_quota,
)
from isthmus.plugins.mcp.demo.telling import Scene

__all__ = ["SCENES"]

SCENES = (
    Scene("An agent finds its tools", lists_tools, act="Two people join the company"),
    Scene("Workday: who was offered a job?", reads_offers),
    Scene("Workday: two of them are hired, one in each home", hires),
    Scene("Workday: the hires wait for a person, and the agent is none", approves_nothing),
    Scene("Workday: now they work here", meets_them),
    Scene("SAP: who answers for the cost center?", hands_name_on),
    Scene("ServiceNow: the way into the network", asks_access),
    Scene("Badges: the way into the building", issues_badges),
    Scene("Salesforce: an account changes its owner", changes_owner),
    Scene("The org's quota is spent", waits_for_quota, act="What can go wrong"),
    Scene("The tokens expire", survives_expiry),
    Scene("An answer is lost", loses_answer),
    Scene("The log is verified", verifies_audit, act="What is left"),
    Scene("What the model saw", kept_secrets),
)
