"""Judge requests by openapi-core: the document's path, and requests as method, URL, headers and body, are told."""

import json
import sys

import yaml
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest
from requests import Request

told = json.loads(sys.argv[1])
with open(told["document"], encoding="utf-8") as file:  # noqa: PTH123 it runs elsewhere
    document = yaml.safe_load(file)
document["servers"] = [{"url": told["server"]}]
document.pop("security", None)
document.get("components", {}).pop("securitySchemes", None)
for path in document["paths"].values():
    for operation in path.values():
        if isinstance(operation, dict):
            operation.pop("security", None)
# The documents of vendors are not flawless; requests are judged here, not they.
# One of them has a media type with a slip in it, which is JSON all the same.
readers = dict.fromkeys(("Apllication/json", "apllication/json", "Application/json"), json.loads)
judge = OpenAPI.from_dict(document, config=Config(spec_validator_cls=None, extra_media_type_deserializers=readers))
refused = []
with open(told["requests"], encoding="utf-8") as file:  # noqa: PTH123
    requests = json.load(file)
for one in requests:
    request = Request(one["method"], one["url"], headers=one["headers"], data=one["body"].encode() or None).prepare()
    try:
        judge.validate_request(RequestsOpenAPIRequest(request))
    except Exception as error:
        refused.append([one["method"], one["url"], f"{type(error).__name__}: {error} {error.__cause__!r}"[:600]])
print(json.dumps({"judged": len(requests), "refused": refused[:5], "count": len(refused)}))
