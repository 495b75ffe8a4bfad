"""What airbyte-source-salesforce is asked to do, over REST and over Bulk 2.0; it prints what it found as JSON."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

folder, known = json.loads(sys.argv[1])
source = Path(sys.executable).with_name("source-salesforce")
config, catalog = Path(folder, "config.json"), Path(folder, "catalog.json")
chosen = [{"criteria": "exacts", "value": name} for name in ("Account", "Contact")]
told = {**known, "auth_type": "Client", "start_date": "2020-01-01T00:00:00Z", "stream_slice_step": "P10Y"}
found = {}


def run(command: str, *options: str) -> list[dict[str, object]]:
    done = subprocess.run([source, command, "--config", config, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit((done.stdout + done.stderr)[-3000:])
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for each in messages:  # a refresh token that was spent is replaced in what the platform stores
        if each["type"] == "CONTROL":
            told.update(each["control"]["connectorConfig"]["config"])
    return messages


def written(streams: list[dict[str, object]]) -> str:
    picked = [
        {
            "stream": each,
            "sync_mode": "incremental",
            "destination_sync_mode": "append",
            "cursor_field": ["SystemModstamp"],
        }
        for each in streams
    ]
    catalog.write_text(json.dumps({"streams": picked}))
    return str(catalog)


for kind, bulk in (("REST", False), ("BULK", True)):
    config.write_text(json.dumps({**told, "streams_criteria": chosen, "force_use_bulk_api": bulk}))
    status = next(each["connectionStatus"]["status"] for each in run("check") if each["type"] == "CONNECTION_STATUS")
    config.write_text(json.dumps({**told, "streams_criteria": chosen, "force_use_bulk_api": bulk}))
    streams = next(each["catalog"]["streams"] for each in run("discover") if each["type"] == "CATALOG")
    config.write_text(json.dumps({**told, "streams_criteria": chosen, "force_use_bulk_api": bulk}))
    messages = run("read", "--catalog", written(streams))
    rows = Counter(each["record"]["stream"] for each in messages if each["type"] == "RECORD")
    states = [each for each in messages if each["type"] == "STATE"]
    found[kind] = {"status": status, "streams": sorted(each["name"] for each in streams), "rows": dict(rows)}
    found[kind]["state"] = bool(states)
print(json.dumps(found))
