"""What do these tests send, and how do they look at it?"""

import base64
import json

import httpx2

TEXT = b"Bearing worn, seal renewed.\n"
PATH = "service-report.txt"


def coded(content: bytes = TEXT) -> str:
    return base64.b64encode(content).decode()


def error(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def send(crm: httpx2.Client, content: bytes = TEXT, **fields: object) -> str:
    body = {"PathOnClient": PATH, "VersionData": coded(content), **fields}
    answer = crm.post("sobjects/ContentVersion", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def form(content: bytes, fields: dict[str, object], name: str = "VersionData", kind: str = "text/plain") -> dict:
    return {
        "entity_content": (None, json.dumps(fields), "application/json"),
        name: ("on-disk.bin", content, kind),
    }


def version(crm: httpx2.Client, key: str) -> dict:
    return crm.get(f"sobjects/ContentVersion/{key}").json()


def links(crm: httpx2.Client, document: str) -> dict[str, dict]:
    soql = f"SELECT Id, LinkedEntityId, ShareType FROM ContentDocumentLink WHERE ContentDocumentId = '{document}'"
    return {each["LinkedEntityId"]: each for each in crm.get("query", params={"q": soql}).json()["records"]}
