"""Which upstream names are served, and by what. A further module is a further line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple  # not dataclasses, which take long to load

if TYPE_CHECKING:
    from collections.abc import Mapping


class Shared(NamedTuple):
    """A namespace that other distributions share: theirs below it stay reachable, except for names in the table."""


class Package(NamedTuple):
    """An upstream package that is replaced as a whole: what is not in the table below it is not built yet.

    Parameters
    ----------
    release
        The upstream release whose names and behaviour are kept; it begins ``__version__``.
    offers
        Names that the package itself has, each with our module where it lives; they load when they are used.
    """

    release: str
    offers: Mapping[str, str] = {}


class Alias(NamedTuple):
    """An upstream module that is one of ours, the same object: what a program sets in it has effect.

    Parameters
    ----------
    target
        Our module.
    """

    target: str


class Fallback(NamedTuple):
    """An upstream package that others need too: one of our modules stands for it only where it is not installed.

    Parameters
    ----------
    target
        Our module.
    """

    target: str


_DESCARTESLABS: Final = "4.0.0"
_EARTHONE: Final = "6.2.0"
_CONFIG: Final = "skykey.descarteslabs.config"

GRACEDB: Final = "2.16.1"
"""The release of ligo-gracedb that is served."""

NAMES: Final[dict[str, Shared | Package | Alias | Fallback]] = {
    "descarteslabs": Package(
        _DESCARTESLABS,
        dict.fromkeys(("AWS_ENVIRONMENT", "GCP_ENVIRONMENT", "get_settings", "select_env"), _CONFIG),
    ),
    "descarteslabs.auth": Package(_DESCARTESLABS, {"Auth": "skykey.descarteslabs.auth"}),
    "descarteslabs.auth.auth": Alias("skykey.dropin.descarteslabs_auth"),
    "descarteslabs.config": Alias(_CONFIG),
    "descarteslabs.core": Package(_DESCARTESLABS),
    "descarteslabs.core.client": Package(_DESCARTESLABS),
    "descarteslabs.core.client.auth": Package(_DESCARTESLABS, {"Auth": "skykey.descarteslabs.auth"}),
    "descarteslabs.core.client.exceptions": Alias("skykey.descarteslabs.exceptions"),
    "descarteslabs.exceptions": Alias("skykey.descarteslabs.exceptions"),
    "earthdaily": Shared(),
    "earthdaily.earthone": Package(
        _EARTHONE, dict.fromkeys(("get_settings", "select_env"), "skykey.descarteslabs.earthone.config")
    ),
    "earthdaily.earthone.auth": Package(_EARTHONE, {"Auth": "skykey.descarteslabs.earthone.auth"}),
    "earthdaily.earthone.auth.auth": Alias("skykey.dropin.earthone_auth"),
    "earthdaily.earthone.config": Alias("skykey.descarteslabs.earthone.config"),
    "earthdaily.earthone.exceptions": Alias("skykey.descarteslabs.earthone.exceptions"),
    "igwn_auth_utils": Fallback("skykey.dropin.ligo_gracedb_igwn"),
    "ligo": Shared(),
    "ligo.gracedb": Package(GRACEDB),
    "ligo.gracedb.adapter": Alias("skykey.dropin.ligo_gracedb_adapter"),
    "ligo.gracedb.alias": Alias("skykey.dropin.ligo_gracedb_alias"),
    "ligo.gracedb.cert": Alias("skykey.gracedb.cert"),
    "ligo.gracedb.cli": Package(GRACEDB),
    "ligo.gracedb.cli.client": Alias("skykey.dropin.ligo_gracedb_cli"),
    "ligo.gracedb.client": Alias("skykey.dropin.ligo_gracedb_client"),
    "ligo.gracedb.exceptions": Alias("skykey.gracedb.exceptions"),
    "ligo.gracedb.logging": Alias("skykey.gracedb.logging"),
    "ligo.gracedb.rest": Alias("skykey.dropin.ligo_gracedb_rest"),
    "ligo.gracedb.token": Alias("skykey.gracedb.token"),
    "ligo.gracedb.utils": Alias("skykey.gracedb.utils"),
    "ligo.gracedb.version": Package(GRACEDB),
    "rubin": Shared(),
    "rubin.repertoire": Alias("skykey.repertoire"),
    "rubin_nights": Package(release="0.18.2"),
    "rubin_nights.augment_visits": Alias("skykey.rubin.augment_visits"),
    "rubin_nights.connections": Alias("skykey.rubin.connections"),
    "rubin_nights.consdb_query": Alias("skykey.rubin.consdb_query"),
    "rubin_nights.dayobs_utils": Alias("skykey.rubin.dayobs_utils"),
    "rubin_nights.influx_query": Alias("skykey.rubin.influx_query"),
    "rubin_nights.logging_query": Alias("skykey.rubin.logging_query"),
    "rubin_nights.reference_values": Alias("skykey.rubin.reference_values"),
}

COMMANDS: Final = {
    "descarteslabs": "skykey.__main__:main",
    "earthone": "skykey.__main__:main",
    "gracedb": "skykey.dropin.ligo_gracedb_cli:run",
}
"""Upstream commands that are commands of ours, by the same name; each with the function that runs it."""
