"""In which format to ask for an answer: what the service offers, what can be read, what says most about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

PARQUET: Final = frozenset(
    {
        "application/vnd.apache.parquet",
        "application/parquet",
        "application/x-parquet",
        "application/x-vnd.apache.parquet",
    }
)
VOTABLE: Final = frozenset({"application/x-votable+xml", "application/x-votable", "text/xml", "application/xml"})
CSV: Final = frozenset({"text/csv"})
KINDS: Final = ("parquet", "csv", "votable", "binary2", "tabledata")
"""What may be asked for by a short name."""
_SERIALIZATIONS: Final = {"binary2": "binary2", "binary": "binary", "tabledata": "tabledata"}
# The ends of identifiers in TAPRegExt.
_IDENTIFIERS: Final = {
    "#output-votable-binary2": "binary2",
    "#output-votable-binary": "binary",
    "#output-votable-td": "tabledata",
}
# Where a service does not say what it has.
_USUAL: Final = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "votable": None,
    "binary2": "application/x-votable+xml;serialization=BINARY2",
    "tabledata": "application/x-votable+xml;serialization=TABLEDATA",
}


@dataclass(frozen=True, slots=True)
class Format:
    """One format that a service offers.

    Parameters
    ----------
    mime
        As the service writes it.
    aliases
        Short names, which differ from service to service.
    ivo_id
        Its identifier in IVOA's registry; None if the service names none.
    """

    mime: str
    aliases: tuple[str, ...] = ()
    ivo_id: str | None = None

    @property
    def kind(self) -> str | None:
        """``parquet``, ``csv``, ``votable``, ``binary``, ``binary2``, ``tabledata``; None for what cannot be read.

        Examples
        --------
        >>> Format('application/x-votable+xml; serialization="BINARY2"').kind, Format("text/csv").kind
        ('binary2', 'csv')
        """
        base, *parameters = plain(self.mime).split(";")
        pairs = (parameter.partition("=") for parameter in parameters)
        told = {name: value for name, _, value in pairs}
        if base in PARQUET:
            return "parquet"
        if base in CSV:
            return None if told.get("header") == "absent" else "csv"
        if base not in VOTABLE:
            return None
        if "serialization" in told:
            return _SERIALIZATIONS.get(told["serialization"])
        named = (self.ivo_id or "").lower()
        return next((kind for end, kind in _IDENTIFIERS.items() if named.endswith(end)), "votable")


@dataclass(frozen=True, slots=True)
class Choice:
    """What to ask for.

    Parameters
    ----------
    sent
        The value of ``RESPONSEFORMAT``; None to leave it to the service, which has to send a VOTable then.
    kind
        As in `Format`.
    is_own
        Whether nobody asked for it by name: something else will do then.
    """

    sent: str | None = None
    kind: str = "votable"
    is_own: bool = True


def plain(mime: str) -> str:
    """A media type for comparing: small letters, no blanks, no quotes.

    Examples
    --------
    >>> plain('Application/X-VOTable+xml; Serialization="BINARY2"')
    'application/x-votable+xml;serialization=binary2'
    """
    return "".join(mime.lower().replace('"', "").split())


def chosen(offered: Sequence[Format], preferred: Sequence[str]) -> Choice:
    """The first of the preferred kinds that the service offers; what it sends by itself if it offers none of them."""
    for kind in preferred:
        for each in offered:
            if each.kind == kind:
                return Choice(each.mime, kind)
    return Choice()


def named(wanted: str, offered: Sequence[Format], *, known: bool) -> Choice:
    """What a user asked for by name.

    Parameters
    ----------
    wanted
        One of `KINDS`, a media type, or an alias of the service's.
    offered
        What it has.
    known
        Whether it said what it has: if not, the usual names are tried.

    Raises
    ------
    UsageError
        If the service does not offer it, or it cannot be read; with what can be.
    """
    short, whole = wanted.strip().lower(), plain(wanted)
    if not known:
        sent = _USUAL.get(short, wanted.strip())
        kind = short if short in _USUAL else Format(wanted).kind
        if kind is None:
            raise UsageError(f"{wanted!r} is not a format that can be read", next=f"use {', '.join(KINDS)}")
        return Choice(sent, kind, is_own=False)
    if short == "votable" and not any(each.kind == "votable" for each in offered):
        return Choice(None, "votable", is_own=False)  # every service has one, and this one names its kinds only
    matching = [each for each in offered if each.kind == short]
    matching += [each for each in offered if whole in {plain(each.mime), *map(plain, each.aliases)}]
    readable = [(each, kind) for each in matching if (kind := each.kind) is not None]
    if not readable:
        what = "is not a format that can be read here" if matching else "is not offered by this service"
        raise UsageError(f"the format {wanted!r} {what}", next=f"use {', '.join(_listed(offered))}")
    each, kind = readable[0]
    return Choice(each.mime, kind, is_own=False)


def _listed(offered: Sequence[Format]) -> list[str]:
    kinds = {each.kind for each in offered}
    return [kind for kind in KINDS if kind in kinds or kind == "votable"]
