"""Telemetry logins as the list route gives them: what was sold, and what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.repertoire.model import Entries

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from skykey.repertoire.exceptions import RepertoireError
    from skykey.repertoire.models import InfluxDatabaseWithCredentials


class InfluxLogins(Entries["InfluxDatabaseWithCredentials"]):
    """Label to database with login.

    Parameters
    ----------
    logins
        By label.
    failed
        Labels whose login could not be had, each with its error.
    """

    __slots__ = ("failed",)

    def __init__(
        self,
        logins: Mapping[str, InfluxDatabaseWithCredentials],
        failed: Mapping[str, RepertoireError] | None = None,
    ) -> None:
        super().__init__(logins)
        self.failed: Mapping[str, RepertoireError] = Entries(failed)

    def save_efdauth(self, path: str | os.PathLike[str]) -> None:
        """Write the file that the variable ``EFDAUTH`` names for EFD clients: the list route's answer, as JSON.

        It is replaced in one step, and only its owner may read it. It blocks for as long as the disk takes.

        Parameters
        ----------
        path
            Missing folders above it are made.

        Raises
        ------
        OSError
            If that is not possible. What was there before is still there.

        Examples
        --------
        >>> from skykey.repertoire import SyncDiscoveryClient
        >>> client = SyncDiscoveryClient(base_url="https://rsp.example.org/repertoire")
        >>> client.list_influxdb_credentials("gt-…").save_efdauth("efdauth.json")  # doctest: +SKIP
        """
        from skykey.credentials.stores.atomic import replace_file

        replace_file(path, self._efdauth())

    def _efdauth(self) -> bytes:
        import json

        logins = {label: login.to_dict(include_secrets=True) for label, login in self.items()}
        return json.dumps(logins, indent=2, ensure_ascii=False).encode() + b"\n"
