"""What tap-salesforce is asked to do, over REST and over Bulk; it prints what it found as JSON."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

folder, known = json.loads(sys.argv[1])
tap = Path(sys.executable).with_name("tap-salesforce")
config, catalog = Path(folder, "config.json"), Path(folder, "catalog.json")
config.write_text(json.dumps({**known, "start_date": "2020-01-01T00:00:00Z", "select_fields_by_default": True}))
found = {"rotated": False}


def run(*options: str) -> str:
    done = subprocess.run([tap, "--config", config, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return done.stdout


def choose(streams: list[dict[str, object]]) -> None:
    for stream in streams:
        at_top = next(each for each in stream["metadata"] if not each["breadcrumb"])
        wanted = {"selected": True, "replication-method": "INCREMENTAL", "replication-key": "SystemModstamp"}
        at_top["metadata"].update(wanted if stream["stream"] in ("Account", "Contact") else {"selected": False})
    catalog.write_text(json.dumps({"streams": streams}))


for kind in ("REST", "BULK"):
    config.write_text(json.dumps({**json.loads(config.read_text()), "api_type": kind}))
    streams = json.loads(run("--discover"))["streams"]
    choose(streams)
    messages = [json.loads(line) for line in run("--properties", str(catalog)).splitlines()]
    rows = Counter(each["stream"] for each in messages if each["type"] == "RECORD")
    state = [each["value"] for each in messages if each["type"] == "STATE"][-1]
    found[kind] = {
        "streams": len(streams),
        "rows": dict(rows),
        "bookmark": state["bookmarks"]["Contact"]["SystemModstamp"],
    }
found["rotated"] = json.loads(config.read_text())["refresh_token"] != known["refresh_token"]
print(json.dumps(found))
