"""The XML of a VOTable, parsed as it comes.

expat reads every byte, so that a document that is not well-formed is noticed. It also calls a function for each tag and
each text, which is what takes the time in a table of millions of cells. So while rows lie there in the plain way in
which services write them, expat checks them without calling anyone, and a regular expression takes the cells out; at
the first sign of anything else (comments, CDATA, prefixes, attributes) the calls are back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from skykey.tables.votable_fields import BadVOTable
from skykey.tables.votable_structure import MOST_ROW, VOTableStructure

if TYPE_CHECKING:
    from collections.abc import Mapping

# The end of a piece that may be the beginning of a tag.
_LONGEST_TAG: Final = 64 * 2**10
_BEGIN: Final = b"<TABLEDATA>"
_END: Final = b"</TABLEDATA"
_ROW_END: Final = b"</TR>"
_CELL: Final = re.compile(r"<TD(?:>([^<]*)</TD>|[ \t\r\n]*/>)")
_REFERENCE: Final = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|([a-z]+));")
_NAMED: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_UTF8: Final = frozenset({"utf-8", "us-ascii", "ascii"})
# What expat says of a document that ends before it should.
_CUT: Final = frozenset(
    {
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    }
)


class CutVOTable(BadVOTable):
    """It ends before its root element does."""


class VOTableDocument(VOTableStructure):
    """Push parser: bytes in; what they mean is in the attributes."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = b""
        self._plain = self._begins = False
        self._is_utf8 = True
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.buffer_size = 2**18
        self._expat.StartDoctypeDeclHandler = _no_document_type
        self._expat.XmlDeclHandler = self._declaration
        if hasattr(self._expat, "SetReparseDeferralEnabled"):
            # What was fed has to be read before the handlers change; tags are fed whole.
            self._expat.SetReparseDeferralEnabled(False)
        self._hear(all_of_it=True)

    def feed(self, chunk: bytes) -> None:
        """Take the next piece.

        Raises
        ------
        BadVOTable
            As soon as it shows.
        """
        start = len(self._buffer)
        self._buffer += chunk
        if self._plain:
            self._plain_rows(start)
        if not self._plain:
            self._tags()

    def close(self) -> None:
        """Say that there is no more.

        Raises
        ------
        CutVOTable
            If there should be.
        """
        rest, self._buffer = self._buffer, b""
        self._hear(all_of_it=True)
        self._parse(rest, last=True)

    def _hear(self, *, all_of_it: bool) -> None:
        self._plain = not all_of_it
        self._expat.StartElementHandler = self.start if all_of_it else None
        self._expat.EndElementHandler = self.stop if all_of_it else None
        self._expat.CharacterDataHandler = self.characters if all_of_it else None

    def _serialized(self, attributes: Mapping[str, str]) -> None:
        super()._serialized(attributes)
        self._begins = self._inside and self.serialization == "TABLEDATA"

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self._is_utf8 = encoding is None or encoding.lower() in _UTF8

    def _parse(self, data: bytes, *, last: bool = False) -> None:
        try:
            self._expat.Parse(data, last)
        except expat.ExpatError as problem:
            words = expat.ErrorString(problem.code)
            what = f"{words}, line {problem.lineno}, column {problem.offset}"
            raise (CutVOTable if last and words in _CUT else BadVOTable)(what) from None

    def _pass(self, count: int) -> None:
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        self._parse(data)

    def _tags(self) -> None:
        """All but a tag that is not whole; rows that are written plainly wait for `_plain_rows`."""
        while (begin := self._buffer.find(_BEGIN)) >= 0:
            self._begins = False
            self._pass(begin + len(_BEGIN))
            # Whether these letters are a tag (not a comment), and that of the table, expat has said by now.
            if self._begins and self._is_utf8:
                self._hear(all_of_it=False)
                self._plain_rows(0)
                if self._plain:
                    return
        # A tag's beginning waits, so that the one of rows is never cut.
        tag = self._buffer.rfind(b"<")
        is_whole = tag < 0 or b">" in self._buffer[tag:] or len(self._buffer) - tag > _LONGEST_TAG
        self._pass(len(self._buffer) if is_whole else tag)

    def _plain_rows(self, start: int) -> None:
        """Rows of the buffer that are whole; what comes before `start` holds no end of one."""
        end = self._buffer.find(_END, max(0, start - len(_END)))
        last = self._buffer.rfind(_ROW_END, max(0, start - len(_ROW_END)))
        if end < 0 and last < 0:
            if len(self._buffer) > MOST_ROW:
                raise BadVOTable(f"a row of more than {MOST_ROW:,} bytes")
            return
        stop = end if end >= 0 else last + len(_ROW_END)
        rows = plain_rows(self._buffer[:stop], len(self.fields))
        if rows is not None:
            self._pass(stop)
            self.rows += rows
        if rows is None or end >= 0:
            self._hear(all_of_it=True)


def _no_document_type(*_: object) -> None:
    # Entities are made there; VOTable has had schemas instead since version 1.1.
    raise BadVOTable("a document type, which no VOTable has")


def plain_rows(data: bytes, width: int) -> list[list[str]] | None:
    """Cells of rows that are written in the plain way; None if there is anything else between them.

    Parameters
    ----------
    data
        A part of TABLEDATA that ends behind a row, or behind the last one. That it is well-formed is not checked here.
    width
        How many cells each row has.
    """
    if b"<!" in data or b"<?" in data:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    *rows, rest = text.split("</TR>")
    if rest.strip():
        return None
    made: list[list[str]] = []
    cells_of = _CELL.findall
    for row in rows:
        cells = cells_of(row)
        # Each tag is accounted for: one of the row, two of a cell, one of a cell without anything.
        is_all = len(cells) == width and row.count("<") == 1 + 2 * width - row.count("/>")
        if not is_all or not row.lstrip().startswith("<TR>"):
            return None
        if "&" in row:
            try:
                cells = [_REFERENCE.sub(_character, cell) for cell in cells]
            except (LookupError, ValueError, OverflowError):
                return None  # a name or a number that expat will refuse
        made.append(cells)
    return made


def _character(reference: re.Match[str]) -> str:
    hexadecimal, decimal, name = reference.groups()
    if name:
        return _NAMED[name]
    return chr(int(hexadecimal, 16) if hexadecimal else int(decimal))
