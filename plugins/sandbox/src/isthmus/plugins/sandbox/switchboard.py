"""Which vendor's systems answer a request to the port that they share?"""

from .message import Reply, Request
from .salesforce import Switch
from .sap import LandscapeSwitch
from .servicenow import InstanceSwitch
from .workday import TenantSwitch


class Switchboard:
    """Hand each request to the vendor whose host or path it names."""

    def __init__(
        self, salesforce: Switch, servicenow: InstanceSwitch, sap: LandscapeSwitch, workday: TenantSwitch
    ) -> None:
        self._salesforce = salesforce
        self._servicenow = servicenow
        self._sap = sap
        self._workday = workday

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        if self._workday.claims(request):
            return self._workday.handle(request)
        if self._sap.claims(request):
            return self._sap.handle(request)
        return (self._servicenow if self._servicenow.claims(request) else self._salesforce).handle(request)
