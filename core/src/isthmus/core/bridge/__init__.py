"""How do SDKs that people already have make governed calls?"""

from isthmus.core.bridge.exchange import Exchange, client, host_of
from isthmus.core.bridge.http_client import http_client
from isthmus.core.bridge.requests_session import requests_session

__all__ = ["Exchange", "client", "host_of", "http_client", "requests_session"]
