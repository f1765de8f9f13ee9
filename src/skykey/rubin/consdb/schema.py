"""What ConsDB's tables hold, as its service says; remembered, because it changes rarely."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.calls.faces import method
from skykey.calls.flow import Flow, bounded
from skykey.calls.memo import Memo
from skykey.rubin.consdb.service import ServiceFlows
from skykey.rubin.consdb.sql import instrument_of, table_of, whole
from skykey.tables.columns import Column
from skykey.tables.end import End
from skykey.tables.frames import frame
from skykey.tables.packages import arrow
from skykey.tables.table import Table
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

T = TypeVar("T")

# While the service cannot say them anew, the columns of the last hour will do.
_SECONDS: Final = 300.0
_STALE_SECONDS: Final = 3600.0
_MOST_MEMOS: Final = 500
_NUMERIC: Final = re.compile(r"(?:NUMERIC|DECIMAL)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
_MOST_DIGITS: Final = 38


@dataclass(frozen=True, slots=True)
class Described:
    """One column as the service describes it.

    Parameters
    ----------
    name
        Its name.
    sql
        Its type in SQL.
    description
        A sentence for people; None if nobody wrote one.
    """

    name: str
    sql: str
    description: str | None = None

    @property
    def column(self) -> Column:
        """As a column of a table; of Arrow's type ``null`` if the values have to say what they are."""
        return Column(self.name, arrow_type(self.sql) or arrow().null(), description=self.description)


class SchemaFlows(ServiceFlows):
    """What there is to ask for."""

    _memos: dict[str, Memo[Any]]

    @method
    def metadata(self) -> Flow[dict[str, Any]]:
        """What the service says about itself (``GET /consdb/``).

        Returns
        -------
        dict
            ``name``, ``version``, ``description``, ``repository_url``, ``documentation_url``, ``instruments``,
            ``obs_types``, ``dtypes``.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> consdb = get_clients(site="usdf")["consdb"]
        >>> consdb.metadata()["version"]  # doctest: +SKIP
        """
        return dict((yield from bounded(self._remembered("", _mapping), self.query_timeout)))

    @method
    def instruments(self) -> Flow[list[str]]:
        """List the instruments (``GET /consdb/schema``).

        Returns
        -------
        list of str
            Such as ``lsstcam``.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> consdb = get_clients(site="usdf")["consdb"]
        >>> consdb.instruments()  # doctest: +SKIP
        """
        return list((yield from bounded(self._remembered("schema", _names), self.query_timeout)))

    @method
    def tables(self, instrument: str) -> Flow[list[str]]:
        """List an instrument's tables (``GET /consdb/schema/{instrument}``).

        Parameters
        ----------
        instrument
            Its name.

        Returns
        -------
        list of str
            With their schema, as statements name them: ``cdb_lsstcam.visit1``.

        Raises
        ------
        UsageError
            For what is no instrument's name. No request is made then.
        UnknownName
            If there is no such instrument; also a ``KeyError``. It names those that there are.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> consdb = get_clients(site="usdf")["consdb"]
        >>> consdb.tables("lsstcam")  # doctest: +SKIP
        """
        path = f"schema/{instrument_of(instrument)}"
        return list((yield from bounded(self._remembered(path, _names), self.query_timeout)))

    @frame
    def columns(self, instrument: str, table: str) -> Flow[Table]:
        """List a table's columns (``GET /consdb/schema/{instrument}/{table}``).

        Parameters
        ----------
        instrument
            Its name.
        table
            With or without its schema.

        Returns
        -------
        pandas.DataFrame
            Columns ``name``, ``type`` (as SQL writes it) and ``description`` (missing where nobody wrote one), all
            ``str``; in the table's order.

        Raises
        ------
        UsageError
            For what is no name. No request is made then.
        UnknownName
            If there is no such instrument or table; also a ``KeyError``. It names similar ones.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> consdb = get_clients(site="usdf")["consdb"]
        >>> consdb.columns("lsstcam", "visit1")["name"]  # doctest: +SKIP
        """
        known = yield from bounded(self._described(instrument, table), self.query_timeout)
        rows = {
            "name": [each.name for each in known],
            "type": [each.sql for each in known],
            "description": [each.description for each in known],
        }
        text = arrow().string()
        data = arrow().table({name: arrow().array(values, text) for name, values in rows.items()})
        return Table(data, End(complete=True, rows=len(known)))

    @method
    def obs(self, instrument: str, obs_type: str, obs_id: int, *, flex: bool = False) -> Flow[dict[str, Any]]:
        """All that is known of one observation (``GET /consdb/query/{instrument}/{obs_type}/obs/{obs_id}``).

        Parameters
        ----------
        instrument
            Its name.
        obs_type
            ``exposure``, ``visit1``, ``ccdexposure``, ``ccdvisit1``.
        obs_id
            Its number.
        flex
            Whether with the values that anybody may add to an exposure.

        Returns
        -------
        dict
            Values by column; times are ISO text in TAI.

        Raises
        ------
        UsageError
            For what is no name or whole number. No request is made then.
        NotFound
            If there is no such observation; also a ``LookupError``.
        UnknownName, QueryError
            If there is no such instrument, no such kind of observation.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> consdb = get_clients(site="usdf")["consdb"]
        >>> consdb.obs("lsstcam", "visit1", 2026032000120)["band"]  # doctest: +SKIP
        """
        name, kind = instrument_of(instrument), table_of(instrument, obs_type)
        path = f"query/{name}/{kind}/obs/{whole(obs_id)}{'?flex=1' if flex else ''}"
        return (yield from bounded(self._document(path, _mapping), self.query_timeout))

    def _described(self, instrument: str, table: str) -> Flow[tuple[Described, ...]]:
        """A table's columns."""
        path = f"schema/{instrument_of(instrument)}/{table_of(instrument, table)}"
        return (yield from self._remembered(path, _columns))

    def _remembered(self, path: str, make: Callable[[Any], T]) -> Flow[T]:
        """A document that is asked for once however many want it, and remembered for some minutes."""
        if path not in self._memos and len(self._memos) >= _MOST_MEMOS:
            self._memos.clear()
        memo = self._memos.setdefault(path, Memo(_SECONDS, stale=_STALE_SECONDS))
        found: T = yield from memo.flow(lambda: self._document(path, make), SYSTEM_CLOCK)
        return found


def arrow_type(sql: str) -> pa.DataType | None:
    """The Arrow type for a column's type in SQL; None if the values have to say what they are.

    Whole numbers are all ``int64`` and floats all ``double``: in a narrower type sums such as
    ``day_obs * 100000 + seq_num`` would overflow without a word.

    Examples
    --------
    >>> str(arrow_type("BIGINT")), str(arrow_type("VARCHAR(20)")), str(arrow_type("TIMESTAMP"))
    ('int64', 'string', 'timestamp[us]')
    """
    pa = arrow()
    name = " ".join(sql.upper().split())
    if exact := _NUMERIC.fullmatch(name):
        digits, scale = int(exact[1]), int(exact[2] or 0)
        return pa.decimal128(digits, scale) if 0 < digits <= _MOST_DIGITS else None
    if name.endswith("]"):
        return None
    if name.startswith("TIMESTAMP"):
        return pa.timestamp("us", "UTC" if "WITH TIME ZONE" in name else None)
    match name.partition("(")[0].strip():
        case "BIGINT" | "INTEGER" | "SMALLINT" | "INT":
            return pa.int64()
        case "DOUBLE PRECISION" | "REAL" | "FLOAT" | "DOUBLE":
            return pa.float64()
        case "BOOLEAN":
            return pa.bool_()
        case "VARCHAR" | "CHARACTER VARYING" | "TEXT" | "CHAR" | "CHARACTER" | "UUID":
            return pa.string()
        case "DATE":
            return pa.date32()
        case _:
            return None


def _mapping(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise Unreadable("ConsDB answered with something else than the names and values that were promised")
    return document


def _names(document: Any) -> list[str]:
    if not isinstance(document, list) or not all(isinstance(name, str) for name in document):
        raise Unreadable("ConsDB answered with something else than the list of names that was promised")
    return document


def _columns(document: Any) -> tuple[Described, ...]:
    found = []
    for name, told in _mapping(document).items():
        match told:
            case [str(sql), str() | None as description, *_]:
                found.append(Described(name, sql, description or None))
            case _:
                raise Unreadable(f"ConsDB describes the column {name} in another way than was promised")
    if not found:
        raise Unreadable("ConsDB describes a table without columns")
    return tuple(found)
