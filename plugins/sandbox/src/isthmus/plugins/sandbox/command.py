"""How is the sandbox started, from the command line or as a process of its own?"""

import json
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .sandbox import Sandbox

__all__ = ["serve_sandbox"]


def serve_sandbox(
    *,
    port_eu: int = 0,
    port_us: int = 0,
    port_servicenow_eu: int = 0,
    port_servicenow_us: int = 0,
    port_sap_eu: int = 0,
    port_sap_us: int = 0,
    port_workday_eu: int = 0,
    port_workday_us: int = 0,
    port_access_eu: int = 0,
    port_access_us: int = 0,
    port_sap_rfc: int = 0,
    port_sap_soap: int = 0,
    port_tls: int = 0,
    port_gate: int = 0,
    seed: int = 7,
    accounts: int = 2_000,
    contacts: int = 10_000,
    write: Path | None = None,
    print_json: bool = False,
) -> None:
    """Serve a made-up company's systems on loopback until interrupted.

    Args:
        port_eu: Port of the EU Salesforce org (0: any free one).
        port_us: Port of the US Salesforce org (0: any free one).
        port_servicenow_eu: Port of the EU ServiceNow instance (0: any free one).
        port_servicenow_us: Port of the US ServiceNow instance (0: any free one).
        port_sap_eu: Port of the EU SAP landscape (0: any free one).
        port_sap_us: Port of the US SAP landscape (0: any free one).
        port_workday_eu: Port of the EU Workday tenant (0: any free one).
        port_workday_us: Port of the US Workday tenant (0: any free one).
        port_access_eu: Port of the EU internal service for badges (0: any free one).
        port_access_us: Port of the US internal service for badges (0: any free one).
        port_sap_rfc: Port of the SAP gateway for RFC (0: any free one).
        port_sap_soap: Port of the same function modules over SOAP (0: any free one).
        port_tls: Port that speaks TLS for all of them, under the vendor's host names (0: any free one).
        port_gate: Port of the proxy that leads clients there (0: any free one).
        seed: Which company to make up.
        accounts: How many accounts, over both orgs.
        contacts: How many contacts, over both orgs.
        write: Write a folder with an isthmus.toml that works with this sandbox.
        print_json: Print urls and credentials as one line of JSON.
    """
    # Each option is named as its system is: `port_sap_eu` is the port of `sap-eu`.
    ports = {name[5:].replace("_", "-"): port for name, port in locals().items() if name.startswith("port_")}
    _serve(ports, seed, accounts, contacts, write, print_json=print_json)


def _serve(
    ports: dict[str, int], seed: int, accounts: int, contacts: int, write: Path | None, *, print_json: bool
) -> None:
    # The command line loads this module to print its help; what it runs takes longer to load.
    from .house import write_house
    from .sandbox import Sandbox

    stop = _interrupted()
    with Sandbox(seed, ports=ports, accounts=accounts, contacts=contacts) as running:
        settings = None
        if write is not None:
            others = (running.servicenow, running.sap, running.workday, running.access)
            settings = write_house(write, running.salesforce, *others)
        lines = [json.dumps(running.credentials())] if print_json else _told(running, settings)
        print(*lines, sep="\n", flush=True)  # noqa: T201 - the command's output
        stop.wait()


def _interrupted() -> threading.Event:
    """Return what is set once somebody wants the process to end."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _told(running: "Sandbox", settings: Path | None) -> list[str]:
    """Return what a person at the terminal wants to know."""
    lines = [f"Salesforce {name:3} {org.url}" for name, org in running.salesforce.items()]
    lines += [f"ServiceNow {name:3} {each.url}" for name, each in running.servicenow.items()]
    lines += [f"SAP        {name:3} {each.url}" for name, each in running.sap.items()]
    lines.append(f"SAP RFC        {running.sap_rfc.credentials()['url']}")
    lines += [f"Workday    {name:3} {each.url}" for name, each in running.workday.items()]
    lines += [f"Access     {name:3} {each.url}" for name, each in running.access.items()]
    if settings is not None:
        lines.append(f"Settings       {settings}  (try: isthmus tools --config {settings})")
    lines += [f"TLS, all       https://127.0.0.1:{running.tls_port}"]
    lines += [f"               {org.my_domain}  (through the gate)" for org in running.salesforce.values()]
    lines += [f"               https://{each.host}  (through the gate)" for each in running.servicenow.values()]
    lines += [f"               https://{each.host}  (through the gate)" for each in running.sap.values()]
    lines += [f"               https://{each.host}  (through the gate)" for each in running.workday.values()]
    lines.append("Unmodified clients find it, and nothing else, with these variables:")
    lines += [f"  export {name}={value}" for name, value in running.environment.items()]
    return [*lines, "Press Ctrl-C to stop."]
