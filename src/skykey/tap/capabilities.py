"""What a TAP service says that it can do (VOSI capabilities, TAPRegExt)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skykey.tap.documents import BadDocument
from skykey.tap.formats import Format

if TYPE_CHECKING:
    from skykey.tap.documents import Element
    from skykey.wire.request import Head

_TAP: Final = "ivo://ivoa.net/std/tap"
_INLINE: Final = "#upload-inline"
_URIS: Final = ("#upload-http", "#upload-https")
_MOST_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities of one service.

    Parameters
    ----------
    known
        False if the service does not say; the rest is empty then.
    formats
        What answers can be, in the service's order.
    default_rows, hard_rows
        How many rows an answer has if the question does not say, and at most; None if there is no such limit, or the
        service does not say.
    takes_tables
        Whether tables can be sent along; None if it does not say how.
    takes_addresses
        Whether tables can be named by their address.
    upload_bytes
        Of how many bytes such a table is at most; None if there is no limit.
    """

    known: bool = False
    formats: tuple[Format, ...] = ()
    default_rows: int | None = None
    hard_rows: int | None = None
    takes_tables: bool | None = None
    takes_addresses: bool | None = None
    upload_bytes: int | None = None

    def row_limit(self, asked: int | None) -> int | None:
        """After how many rows an answer is cut; None if that is not known.

        Parameters
        ----------
        asked
            What the question asks for (``MAXREC``).
        """
        own = asked if asked is not None else self.default_rows
        limits = [limit for limit in (own, self.hard_rows) if limit is not None]
        return min(limits, default=None)


def read(_: Head, document: Element) -> Capabilities:
    """Make them of the document.

    Raises
    ------
    BadDocument
        If it is another one, or has nothing about TAP.
    """
    if document.name != "capabilities":
        raise BadDocument(f"a document of the kind {document.name[:40]}")
    for capability in document.all("capability"):
        # An identifier may name a version behind a #; its letters count in either case.
        if capability.attributes.get("standardID", "").lower().partition("#")[0] == _TAP:
            return _of(capability)
    raise BadDocument("nothing about TAP")


def _of(capability: Element) -> Capabilities:
    formats = tuple(
        Format(mime, tuple(alias.text for alias in each.all("alias")), each.attributes.get("ivo-id"))
        for each in capability.all("outputFormat")
        if (mime := each.said("mime"))
    )
    methods = [each.attributes.get("ivo-id", "").lower() for each in capability.all("uploadMethod")]
    return Capabilities(
        known=True,
        formats=formats,
        default_rows=_limit(capability, "outputLimit", "default", "row"),
        hard_rows=_limit(capability, "outputLimit", "hard", "row"),
        takes_tables=any(method.endswith(_INLINE) for method in methods),
        takes_addresses=any(method.endswith(_URIS) for method in methods),
        upload_bytes=_limit(capability, "uploadLimit", "hard", "byte"),
    )


def _limit(capability: Element, kind: str, which: str, unit: str) -> int | None:
    """A limit that counts in the unit; the element is named without one where only one is possible."""
    for limits in capability.all(kind):
        for limit in limits.all(which):
            text = limit.text
            is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
            if is_number and limit.attributes.get("unit", unit).lower() == unit:
                return int(text) or None  # some write 0 for none
    return None
