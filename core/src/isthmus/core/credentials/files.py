"""Is this file for our eyes only, and what does it hold?"""

import os
import stat
from pathlib import Path

from isthmus.core.errors import ConfigurationError

__all__ = ["read_private", "read_service_credential"]

LARGEST = 64 * 1024


def read_private(path: Path, *, setting: str) -> str:
    """Return the text of a file that only we may read, without its last newline.

    Raises ConfigurationError where it is missing, not ours, readable by others, too large or not text.
    """
    return _read(path, setting, forbidden=0o077, ours=True)


def read_service_credential(name: str, directory: str | None, *, setting: str) -> str:
    """Return a service credential (systemd.exec(5), `LoadCredential=`) out of `$CREDENTIALS_DIRECTORY`.

    systemd itself hands the file to the service, by owner or by access list, so only other users are kept out here.
    """
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise ConfigurationError(f"{setting}: {name!r} is not the name of a service credential; write a plain name")
    if not directory:
        raise ConfigurationError(
            f"{setting}: no service credential {name!r}, as CREDENTIALS_DIRECTORY is not set; "
            f"add `LoadCredentialEncrypted={name}:<file>` to the unit",
            object=setting,
        )
    return _read(Path(directory) / name, setting, forbidden=0o007, ours=False)


def _read(path: Path, setting: str, *, forbidden: int, ours: bool) -> str:
    if os.name != "posix":
        raise ConfigurationError(f"{setting}: private files need POSIX permissions; use the OS keyring", object=setting)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise ConfigurationError(
            f"{setting}: cannot read {str(path)!r} ({reason}); create it with mode 0600", object=setting
        ) from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigurationError(f"{setting}: {str(path)!r} is not a regular file; name a file", object=setting)
        if (ours and found.st_uid != os.geteuid()) or stat.S_IMODE(found.st_mode) & forbidden:
            raise ConfigurationError(
                f"{setting}: {str(path)!r} is not ours alone (mode {stat.S_IMODE(found.st_mode):04o}, "
                f"owner {found.st_uid}); run `chown {os.geteuid()} {path}` and `chmod 600 {path}`",
                object=setting,
            )
        content = os.read(descriptor, LARGEST + 1)
    finally:
        os.close(descriptor)
    return _text(content, path, setting)


def _text(content: bytes, path: Path, setting: str) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = ""
    if not text.strip() or len(content) > LARGEST:
        raise ConfigurationError(
            f"{setting}: {str(path)!r} is empty, not UTF-8 text or over {LARGEST} bytes; write the secret into it",
            object=setting,
        )
    return text.removesuffix("\n").removesuffix("\r")
