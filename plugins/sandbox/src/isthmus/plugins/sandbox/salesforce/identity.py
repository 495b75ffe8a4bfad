"""How does the org describe the user who holds a token?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from isthmus.plugins.sandbox.message import Json

from .store import Row

if TYPE_CHECKING:
    from .org import SalesforceOrg


def userinfo(org: "SalesforceOrg", user: Row, origin: str) -> Mapping[str, Json]:
    """Return the OpenID Connect answer."""
    return {
        "sub": f"{origin}/id/{org.org_id}/{user['Id']}",
        "user_id": user["Id"],
        "organization_id": org.org_id,
        "preferred_username": user["Username"],
        "nickname": user["Alias"],
        "name": user["Name"],
        "email": user["Email"],
        "email_verified": True,
        "given_name": user["FirstName"],
        "family_name": user["LastName"],
        "zoneinfo": user["TimeZoneSidKey"],
        "active": user["IsActive"],
        "user_type": "STANDARD",
        "language": str(user["LocaleSidKey"])[:2],
        "locale": user["LocaleSidKey"],
        "utcOffset": 0,
        "updated_at": user["LastModifiedDate"],
    }


def identity(org: "SalesforceOrg", user: Row, origin: str) -> Mapping[str, Json]:
    """Return the answer of the identity URL that comes with every token."""
    path = f"{origin}/services/data/v{{version}}"
    return {
        "id": f"{origin}/id/{org.org_id}/{user['Id']}",
        "asserted_user": True,
        "user_id": user["Id"],
        "organization_id": org.org_id,
        "username": user["Username"],
        "nick_name": user["Alias"],
        "display_name": user["Name"],
        "email": user["Email"],
        "email_verified": True,
        "first_name": user["FirstName"],
        "last_name": user["LastName"],
        "timezone": user["TimeZoneSidKey"],
        "urls": {
            "rest": f"{path}/",
            "sobjects": f"{path}/sobjects/",
            "search": f"{path}/search/",
            "query": f"{path}/query/",
        },
        "active": user["IsActive"],
        "user_type": "STANDARD",
        "language": str(user["LocaleSidKey"])[:2],
        "locale": user["LocaleSidKey"],
        "utcOffset": 0,
        "last_modified_date": user["LastModifiedDate"],
        "is_app_installed": True,
    }
