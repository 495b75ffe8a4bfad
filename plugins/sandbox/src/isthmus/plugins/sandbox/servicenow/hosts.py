"""Which host name belongs to which instance?"""


def host_of(home: str) -> str:
    """Return the host of the instance with this name."""
    return f"kessmar{home}.service-now.com"
