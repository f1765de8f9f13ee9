"""One question as it is sent: the statement, how many rows, in which format, with which tables of the user's."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from skykey.tap import adql
from skykey.tap.literals import check_letters
from skykey.tap.next_step import NextStep
from skykey.values.errors import UsageError
from skykey.values.url import Url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skykey.tap.capabilities import Capabilities

_VOTABLE: Final = "application/x-votable+xml"
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Question:
    """A question that has been looked at: whatever is wrong with it was said.

    Parameters
    ----------
    statement
        As it is sent, with its values.
    maxrec
        How many rows at most; None if the service is to say.
    tables
        What the user sends along, as VOTables, by their name in ``TAP_UPLOAD``.
    addresses
        Where the service finds further ones, likewise.
    """

    statement: str
    maxrec: int | None = None
    tables: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    addresses: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        query: str,
        values: Mapping[str, Any] | None,
        maxrec: Any,
        uploads: Mapping[str, Any] | None,
        write_time: Callable[[Any], str] | None = None,
    ) -> Question:
        """Make one of what a user gave.

        Raises
        ------
        UsageError
            For an empty statement, values that do not fit it, a `maxrec` that is no number of rows, and tables that
            cannot be sent.
        """
        if not isinstance(query, str):
            raise UsageError(f"a statement is text, not {type(query).__name__}")
        if adql.is_empty(query):
            raise UsageError("the statement is empty")
        check_letters(query)
        if maxrec is not None and (isinstance(maxrec, bool) or not isinstance(maxrec, Integral) or maxrec < 0):
            raise UsageError(f"maxrec={maxrec!r} is not a number of rows")
        tables: dict[str, bytes] = {}
        addresses: dict[str, str] = {}
        for name, given in (uploads or {}).items():
            _check_name(name, [*tables, *addresses])
            if isinstance(given, str):
                addresses[name] = _address(given, name)
            else:
                tables[name] = _votable(given, name)
        rows = None if maxrec is None else int(maxrec)
        return cls(adql.filled(query, values, write_time), rows, tables, addresses)

    def check(self, able: Capabilities) -> None:
        """See that the service takes what goes along.

        Raises
        ------
        UsageError
            If it says that it does not.
        """
        if self.tables and able.takes_tables is False:
            raise UsageError("this service does not take tables along with a query")
        if self.addresses and able.takes_addresses is False:
            raise UsageError("this service does not fetch tables from elsewhere", next="give the table itself")
        for name, table in self.tables.items():
            if able.upload_bytes is not None and len(table) > able.upload_bytes:
                raise UsageError(
                    f"the table {name} has {len(table):,} bytes as a VOTable, and this service takes "
                    f"{able.upload_bytes:,}",
                    next="send fewer columns or rows",
                )

    def body(self, response_format: str | None, **more: str) -> tuple[bytes, str]:
        """What is sent, and its media type.

        Parameters
        ----------
        response_format
            As in `Choice.sent`.
        more
            Further parameters, such as ``PHASE``.
        """
        fields = {"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": self.statement}
        if self.maxrec is not None:
            fields["MAXREC"] = str(self.maxrec)
        if response_format is not None:
            fields["RESPONSEFORMAT"] = response_format
        fields |= more
        named = {**{name: f"param:{name}" for name in self.tables}, **self.addresses}
        if named:
            fields["UPLOAD"] = ";".join(f"{name},{where}" for name, where in named.items())
        if not self.tables:
            return urlencode(fields).encode(), _FORM
        return _multipart(fields, self.tables)


def _check_name(name: object, others: list[str]) -> None:
    if not isinstance(name, str) or not adql.is_regular(name):
        raise UsageError(
            f"{name!r} is not a name for a table in ADQL",
            next=NextStep("use letters, digits and underscores: ", "uploads={'mine': …}", "upload", "mine"),
        )
    if name.lower() in {other.lower() for other in others}:
        raise UsageError(f"two tables are called {name}: ADQL does not tell large letters from small ones")


def _address(given: str, name: str) -> Url:
    url = Url(given)
    if set(url) & {";", ","}:
        # TAP writes all tables in one parameter, and has no way to quote what divides them.
        raise UsageError(
            f"the address of the table {name} has a ; or a , in it", next="write %3B or %2C there, or give the table"
        )
    return url


def _votable(given: Any, name: str) -> bytes:
    if isinstance(given, bytes | bytearray):
        if not bytes(given[:64]).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise UsageError(f"the bytes of the table {name} are not a VOTable", next="give a table, or a VOTable")
        return bytes(given)
    from skykey.tables.votable_writing import written

    return written(given, name)


def _multipart(fields: Mapping[str, str], tables: Mapping[str, bytes]) -> tuple[bytes, str]:
    """As forms with files are sent (RFC 7578)."""
    from uuid import uuid4

    boundary = uuid4().hex  # in no table, as nobody can have known it
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, table in tables.items():
        lead = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.xml"\r\n'
        parts += [lead.encode(), f"Content-Type: {_VOTABLE}\r\n\r\n".encode(), table, b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"
