"""How does the sandbox run as a process of its own?"""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence

from .sandbox import Sandbox


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m isthmus.plugins.sandbox", description=__doc__)
    parser.add_argument("--port-eu", type=int, default=0, help="port of the EU Salesforce org (0: any free one)")
    parser.add_argument("--port-us", type=int, default=0, help="port of the US Salesforce org (0: any free one)")
    parser.add_argument("--seed", type=int, default=7, help="the enterprise to make up")
    parser.add_argument("--accounts", type=int, default=2_000, help="how many accounts, over both orgs")
    parser.add_argument("--contacts", type=int, default=10_000, help="how many contacts, over both orgs")
    parser.add_argument("--print-json", action="store_true", help="print urls and credentials as one line of JSON")
    options = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ports = {"eu": options.port_eu, "us": options.port_us}
    with Sandbox(options.seed, ports=ports, accounts=options.accounts, contacts=options.contacts) as sandbox:
        if options.print_json:
            line = json.dumps(sandbox.credentials())
        else:
            line = "\n".join(f"salesforce {name}: {org.url}" for name, org in sandbox.salesforce.items())
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
