"""Which vendor's systems answer a request to the port that they share?"""

from .message import Reply, Request
from .salesforce import Switch
from .servicenow import InstanceSwitch


class Switchboard:
    """Hand each request to the vendor whose host or path it names."""

    def __init__(self, salesforce: Switch, servicenow: InstanceSwitch) -> None:
        self._salesforce = salesforce
        self._servicenow = servicenow

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        return (self._servicenow if self._servicenow.claims(request) else self._salesforce).handle(request)
