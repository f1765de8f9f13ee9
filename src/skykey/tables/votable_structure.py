"""The elements of a VOTable, one after the other: what they say of columns and answer, and the rows as written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skykey.tables.votable_fields import BadVOTable, VOField

if TYPE_CHECKING:
    from collections.abc import Mapping

# A document may nest, name and say so much; those of services stay far below.
_MOST_DEPTH: Final = 50
_MOST_FIELDS: Final = 20_000
_MOST_SAID: Final = 2**20
MOST_ROW: Final = 16 * 2**20
"""Bytes of a row, or characters of a cell, that is written as text."""
_SERIALIZATIONS: Final = frozenset({"TABLEDATA", "BINARY", "BINARY2", "FITS", "PARQUET"})
_MOST_DIGITS: Final = 15


class VOTableStructure:
    """One document, and the first table in it that holds results.

    Attributes
    ----------
    fields
        Of that table; all of them are there when `serialization` is.
    serialization
        ``TABLEDATA``, ``BINARY`` or ``BINARY2``; None as long as the table has no data.
    rows
        Cells by row, as written (TABLEDATA). Whoever reads them takes them away.
    stream
        Base64 (BINARY, BINARY2), likewise.
    statuses
        Value and text of each ``INFO`` called ``QUERY_STATUS``, in their order.
    is_over
        Whether the table has come to its end.
    promised
        How many rows the table says that it has; None if it does not.
    """

    def __init__(self) -> None:
        self.fields: list[VOField] = []
        self.serialization: str | None = None
        self.rows: list[list[str]] = []
        self.stream = bytearray()
        self.statuses: list[tuple[str, str]] = []
        self.is_over = False
        self.promised: int | None = None
        self._inside = False
        self._has_table = self._is_result = self._has_stream = False
        self._path: list[str] = []
        self._resources: list[str | None] = []
        self._told: Mapping[str, str] = {}
        self._notes: dict[str, str | None] = {}
        self._text: list[str] | bytearray | None = None
        self._said = 0
        self._row: list[str] = []
        self._starts = {
            "RESOURCE": self._resource,
            "INFO": self._info,
            "TABLE": self._table,
            "FIELD": self._field,
            "VALUES": self._values,
            "DESCRIPTION": self._description,
            "STREAM": self._stream,
            "TR": self._table_row,
            "TD": self._cell,
            **dict.fromkeys(_SERIALIZATIONS, self._serialized),
        }
        self._stops = {
            "RESOURCE": self._resource_said,
            "INFO": self._info_said,
            "TABLE": self._table_said,
            "FIELD": self._field_said,
            "DESCRIPTION": self._description_said,
            "STREAM": self._stream_said,
            "TR": self._row_said,
            "TD": self._cell_said,
        }

    # -- what an XML parser calls

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        name = tag.rpartition(":")[2]
        if not self._path and name != "VOTABLE":
            raise BadVOTable(f"a document of the kind {name[:40]}")
        self._path.append(name)
        if len(self._path) > _MOST_DEPTH:
            raise BadVOTable("more elements in one another than any VOTable has")
        if self._is_in("TD"):
            raise BadVOTable("an element in a cell")
        if (begin := self._starts.get(name)) is not None:
            begin(attributes)

    def stop(self, tag: str) -> None:
        """It ends."""
        end = self._stops.get(self._path[-1])
        if end is not None:
            end()
        self._path.pop()

    def characters(self, text: str) -> None:
        """Text between tags."""
        if self._text is None:
            return
        if isinstance(self._text, bytearray):
            self._text += text.encode()
        else:
            self._text.append(text)
            self._said += len(text)
            if self._said > (MOST_ROW if self._path[-1] == "TD" else _MOST_SAID):
                raise BadVOTable("a text that is too long")

    def _is_in(self, parent: str) -> bool:
        return len(self._path) > 1 and self._path[-2] == parent

    def _listen(self) -> None:
        self._text, self._said = [], 0

    def _heard(self) -> str:
        heard, self._text = self._text, None
        return "".join(heard) if isinstance(heard, list) else ""

    # -- by element

    def _resource(self, attributes: Mapping[str, str]) -> None:
        self._resources.append(attributes.get("type"))

    def _resource_said(self) -> None:
        self._resources.pop()

    def _info(self, attributes: Mapping[str, str]) -> None:
        self._told = attributes
        self._listen()

    def _info_said(self) -> None:
        said = self._heard()
        if self._told.get("name", "").strip().upper() == "QUERY_STATUS":
            self.statuses.append((self._told.get("value", "").strip().upper(), said))

    def _description(self, _: Mapping[str, str]) -> None:
        # What describes an INFO is a part of what it says.
        if not self._is_in("INFO"):
            self._listen()

    def _description_said(self) -> None:
        if self._is_in("INFO"):
            return
        said = " ".join(self._heard().split())
        if self._is_in("FIELD"):
            self._notes["description"] = said or None

    def _table(self, attributes: Mapping[str, str]) -> None:
        if self._inside:
            raise BadVOTable("a table in a table")
        kind = self._resources[-1] if self._resources else None
        if self._has_table or kind == "meta":
            if kind == "results" and not self._is_result:
                raise BadVOTable("results behind a table of another kind")
            return
        self._has_table = self._inside = True
        self._is_result = kind == "results"
        promised = attributes.get("nrows", "").strip()
        if promised.isascii() and promised.isdigit() and len(promised) <= _MOST_DIGITS:
            self.promised = int(promised)

    def _table_said(self) -> None:
        if self._inside:
            self._inside, self.is_over = False, True

    def _field(self, attributes: Mapping[str, str]) -> None:
        self._told, self._notes = attributes, {}

    def _values(self, attributes: Mapping[str, str]) -> None:
        if self._is_in("FIELD") and "null" in attributes:
            self._notes["null"] = attributes["null"]

    def _field_said(self) -> None:
        if not self._inside or not self._is_in("TABLE"):
            return
        if len(self.fields) == _MOST_FIELDS:
            raise BadVOTable(f"more than {_MOST_FIELDS:,} columns")
        if self.serialization is not None:
            raise BadVOTable("a column behind the rows")
        told = self._told
        field = VOField(
            name=told.get("name") or told.get("ID") or f"col{len(self.fields) + 1}",
            datatype=told.get("datatype", ""),
            arraysize=told.get("arraysize", "").strip() or None,
            null=self._notes.get("null"),
            xtype=told.get("xtype"),
            unit=told.get("unit"),
            ucd=told.get("ucd"),
            utype=told.get("utype"),
            description=self._notes.get("description"),
        )
        self.fields.append(field)

    def _serialized(self, attributes: Mapping[str, str]) -> None:
        name = self._path[-1]
        if not self._inside:
            return
        if not self._is_in("DATA") or self.serialization is not None:
            raise BadVOTable("a table with rows in two places")
        if name in {"FITS", "PARQUET"}:
            raise BadVOTable(f"rows in {name}, which was not asked for")
        if not self.fields:
            raise BadVOTable("a table without columns")
        self.serialization = name

    def _stream(self, attributes: Mapping[str, str]) -> None:
        if not self._inside:
            return
        if attributes.get("href"):
            raise BadVOTable("rows that lie at another address")
        if attributes.get("encoding", "base64").lower() != "base64":
            raise BadVOTable("rows in another encoding than base64")
        if self._has_stream:
            raise BadVOTable("a table with rows in two places")
        self._has_stream = True
        self._text = self.stream

    def _stream_said(self) -> None:
        self._text = None

    def _table_row(self, _: Mapping[str, str]) -> None:
        if not self._is_in("TABLEDATA"):
            raise BadVOTable("a row outside of a table")
        self._row = []

    def _row_said(self) -> None:
        if not self._inside:
            return
        if len(self._row) != len(self.fields):
            raise BadVOTable(f"a row of {len(self._row)} cells where there are {len(self.fields)} columns")
        self.rows.append(self._row)

    def _cell(self, attributes: Mapping[str, str]) -> None:
        if not self._is_in("TR"):
            raise BadVOTable("a cell outside of a row")
        if attributes.get("encoding"):
            raise BadVOTable("a cell in an encoding of its own")
        self._listen()

    def _cell_said(self) -> None:
        self._row.append(self._heard())
