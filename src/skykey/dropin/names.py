"""Which upstream names are served, and by what. A further module is a further line."""

from __future__ import annotations

from typing import Final, NamedTuple  # not dataclasses, which take long to load


class Shared(NamedTuple):
    """A namespace that other distributions share: theirs below it stay reachable, except for names in the table."""


class Package(NamedTuple):
    """An upstream package that is replaced as a whole: what is not in the table below it is not built yet.

    Parameters
    ----------
    release
        The upstream release whose names and behaviour are kept; it begins ``__version__``.
    """

    release: str


class Alias(NamedTuple):
    """An upstream module that is one of ours, the same object: what a program sets in it has effect.

    Parameters
    ----------
    target
        Our module.
    """

    target: str


NAMES: Final[dict[str, Shared | Package | Alias]] = {
    "rubin": Shared(),
    "rubin.repertoire": Alias("skykey.repertoire"),
    "rubin_nights": Package(release="0.18.2"),
    "rubin_nights.connections": Alias("skykey.rubin.connections"),
    "rubin_nights.consdb_query": Alias("skykey.rubin.consdb_query"),
    "rubin_nights.influx_query": Alias("skykey.rubin.influx_query"),
    "rubin_nights.logging_query": Alias("skykey.rubin.logging_query"),
    "rubin_nights.reference_values": Alias("skykey.rubin.reference_values"),
}
