"""A sandbox as its users see it: addresses, files, an environment for children, and controls."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from skykey.sandbox.controls import Controls
from skykey.sandbox.environment import Changes, changes
from skykey.sandbox.errors import NotRunning
from skykey.sandbox.state import STATE, write_private

_FILES = (
    "folder",
    "token_file",
    "login_file",
    "gracedb_token_file",
    "gracedb_certificate_file",
    "ca_file",
    "bundle_file",
)


@dataclass(frozen=True)
class Box:
    """One running sandbox.

    Attributes
    ----------
    site_url
        The site, plain http on loopback.
    second_url
        The other origin, https under the sandbox's own authority.
    real_site_url
        The name that the site has with ``--as-real``.
    iam_url, platform_url, app_url
        The imagery platform on loopback: its token service, a service that asks for a token, the account page.
    login_file
        A login for its token service.
    gracedb_url, gracedb_issuer_url
        The API's root of the local GraceDB on loopback, and the issuer of tokens for it.
    gracedb_token_file
        A token of that issuer, of somebody who may do everything.
    gracedb_certificate_file
        The same person's certificate and its key; only GraceDB over TLS asks for it.
    proxy_url
        The CONNECT proxy behind ``--as-real``.
    hosts
        The host names that the proxy plays.
    real
        The parts that are the real programs.
    """

    folder: Path
    pid: int
    site_url: str
    second_url: str
    real_site_url: str
    iam_url: str
    platform_url: str
    app_url: str
    gracedb_url: str
    gracedb_issuer_url: str
    proxy_url: str
    control_url: str
    token_file: Path
    login_file: Path
    gracedb_token_file: Path
    gracedb_certificate_file: Path
    ca_file: Path
    bundle_file: Path
    hosts: tuple[str, ...]
    real: tuple[str, ...] = ()
    control_key: str = field(default="", repr=False)

    @cached_property
    def controls(self) -> Controls:
        return Controls(self.control_url, self.control_key)

    @property
    def token(self) -> str:
        """The token in the token file, read anew each time."""
        return self.token_file.read_text().strip()

    @property
    def gracedb_token(self) -> str:
        """The token in the token file of GraceDB, read anew each time."""
        return self.gracedb_token_file.read_text().strip()

    @property
    def login(self) -> dict[str, str]:
        """The login in the login file, read anew each time."""
        return dict(json.loads(self.login_file.read_text()))

    def changes(self, *, as_real: bool = False, base: Mapping[str, str] | None = None) -> Changes:
        """Return what a child's environment needs: variables to set, and variables to take away."""
        return changes(self, as_real=as_real, base=os.environ if base is None else base)

    def environment(self, as_real: bool = False, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the complete environment of a child: ``base`` (this process's own) with the changes made."""
        base = os.environ if base is None else base
        return self.changes(as_real=as_real, base=base).applied_to(base)

    def public(self) -> dict[str, Any]:
        """Return what may be shown: all but the key of the controls."""
        shown = {name: _plain(value) for name, value in asdict(self).items()}
        del shown["control_key"]
        return shown

    def save(self) -> None:
        """Write the state file, from which any process can attach."""
        text = json.dumps(self.public() | {"control_key": self.control_key}, indent=2)
        write_private(self.folder / STATE, text.encode() + b"\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the state file; raises `NotRunning` if there is none that makes sense."""
        try:
            saved = json.loads((folder / STATE).read_text())
            files = {name: Path(saved[name]) for name in _FILES}
            return cls(**saved | files | {name: tuple(saved[name]) for name in ("hosts", "real")})
        except FileNotFoundError:
            raise NotRunning(f"No sandbox runs in {folder}.") from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise NotRunning(f"The state file in {folder} cannot be read ({error}).") from error


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
