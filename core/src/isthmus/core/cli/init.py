"""How does a newcomer get a configuration that loads?"""

import os
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from cyclopts import App

from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import facts, show
from isthmus.core.errors import ConfigurationError, InvalidArguments

__all__ = ["init", "register"]

SECRET = "CRM_CLIENT_SECRET"  # noqa: S105 the name of a variable
ORG = "https://your-domain.my.salesforce.com"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
WHAT = {
    "isthmus.toml": "agents, users, clients, connections",
    "flows.toml": "zones, consumers and where data may flow",
    "sequences.toml": "chains of calls to refuse",
    "policies/support.cedar": "what the agent may do",
    "policies/support-staff.cedar": "what the people it acts for may do",
}


def register(app: App) -> None:
    """Add the command."""
    app.command(init)


def init(folder: Path = Path(), /, *, salesforce: str = ORG, common: Common = DEFAULT) -> int:
    """Write a commented configuration with starter policies; nothing that is there is overwritten.

    Args:
        folder: Where to write; it is made if need be.
        salesforce: The address of your Salesforce org.
    """
    origin = _origin(salesforce)
    taken = [name for name in WHAT if (folder / name).exists()]
    if taken:
        raise ConfigurationError(
            f"{folder / taken[0]} is already there and was left as it is; name another folder, or move it away",
            object=taken[0],
        )
    setting = _sealing_key(folder)
    texts = _texts(origin, setting)
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    settings = folder / "isthmus.toml"
    mine = "address and client_id" if salesforce == ORG else "client_id"
    steps = (
        f"put your org's {mine} into {settings}, its zone into flows.toml",
        f"export {SECRET}=...   (or seal it: isthmus secret set NAME)",
        f"isthmus doctor --config {settings}",
    )
    data = {"folder": str(folder), "written": list(texts), "sealing_key": setting, "next": steps}
    shown = facts([*((name, WHAT[name]) for name in texts), ("sealing key", setting)])
    show(
        common,
        data,
        f"written into {folder.resolve()}:",
        shown,
        "",
        *(f"{n}. {step}" for n, step in enumerate(steps, 1)),
    )
    return 0


def _texts(origin: str, setting: str) -> dict[str, str]:
    from isthmus.core.policy import starter_texts

    templates = files("isthmus.core.cli").joinpath("templates")
    found = {name: templates.joinpath(name).read_text(encoding="utf-8") for name in ("isthmus.toml", "flows.toml")}
    found["isthmus.toml"] = found["isthmus.toml"].replace(ORG, origin).replace('= "keyring"', f'= "{setting}"')
    for name, text in starter_texts().items():
        found[f"policies/{name}" if name.endswith(".cedar") else name] = text
    return {name: found[name] for name in WHAT}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if (
        not safe
        or not parts.hostname
        or parts.username
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
        or '"' in url
    ):
        raise InvalidArguments(
            "--salesforce takes the address of an org, such as https://acme.my.salesforce.com", field="salesforce"
        )
    return url.rstrip("/")


def _sealing_key(folder: Path) -> str:
    """Choose the OS keyring where there is one, else make a key file; return the setting."""
    from isthmus.core.credentials import SealingKey
    from isthmus.core.credentials.keyrings import system_keyring

    try:
        system_keyring()
    except ConfigurationError:
        state = folder / ".isthmus"
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The folder keeps itself out of version control, whatever the project's own ignore file says.
        (state / ".gitignore").write_text("*\n", encoding="utf-8")
        path = state / "sealing.key"
        if not path.exists():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(SealingKey.generate().reveal() + "\n")
        return "file:.isthmus/sealing.key"
    return "keyring"
