"""Whom TLS trusts."""

import ssl
from pathlib import Path

from deepsentry.errors import SettingsError


def trust(setting: str, ca_file: Path | None) -> ssl.SSLContext:
    """Return what checks certificates and host names: the system's authorities, or those of `ca_file` (PEM) alone.

    Raises SettingsError where that file cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        message = f"{setting}.ca_file: no file with certificates in PEM that can be read"
        raise SettingsError(message) from None
