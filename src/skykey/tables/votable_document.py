"""The XML of a VOTable, parsed as it comes.

expat reads the document, so that one that is not well-formed is noticed. It also calls a function for each tag and each
text, which is what takes the time in a table of millions of cells. So while rows lie there in the plain way in which
services write them, a regular expression takes the cells out; expat checks them without calling anyone, or is not asked
where there is nothing that it could find (ASCII without references). At the first sign of anything else (comments,
CDATA, prefixes, attributes) the calls are back. Base64 does not go through expat either: whoever decodes it refuses
more than XML would.

expat begins anew with a tag or a comment that was cut, each time that more of it comes. So what has begun waits here
for its end, which is looked for in what is new alone.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
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
_BLANKS: Final = r"[ \t\r\n]*+"
_CELL: Final = rf"{_BLANKS}<TD(?:>([^<]*+)</TD>|{_BLANKS}/>)"
_REFERENCE: Final = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|([a-z]+));")
_NAMED: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
# How what is no tag begins and ends.
_KINDS: Final = ((b"<!--", b"-->"), (b"<?", b"?>"), (b"&", b";"), (b"<", b">"))
_MARKS: Final = {b"": re.compile(rb"[\"'>]"), b'"': re.compile(rb'"'), b"'": re.compile(rb"'")}
_WIDE: Final = {
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    "<".encode("utf-16-le"): "utf-16-le",
    "<".encode("utf-16-be"): "utf-16-be",
}
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
        self._buffer = bytearray()
        self._plain = self._begins = self._is_cdata = False
        self._is_utf8 = True
        self._wide: codecs.IncrementalDecoder | None = None
        self._begun: _Begun | None = None
        self._looked = self._passed = 0
        self._prepare(None)

    def _prepare(self, encoding: str | None) -> None:
        self._expat = expat.ParserCreate(encoding)
        self._expat.buffer_text = True
        self._expat.buffer_size = 2**18
        self._expat.StartDoctypeDeclHandler = _no_document_type
        self._expat.XmlDeclHandler = self._declaration
        self._expat.StartCdataSectionHandler = lambda: self._cdata(True)
        self._expat.EndCdataSectionHandler = lambda: self._cdata(False)
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
        self._buffer += self._narrow(chunk)
        if self._plain:
            self._plain_rows(start)
            start = 0
        if not self._plain:
            self._tags(start)

    def close(self) -> None:
        """Say that there is no more.

        Raises
        ------
        CutVOTable
            If there should be.
        """
        rest = bytes(self._buffer) + self._narrow(b"", last=True)
        self._buffer.clear()
        self._hear(all_of_it=True)
        self._parse(rest, last=True)

    def _narrow(self, chunk: bytes, *, last: bool = False) -> bytes:
        """UTF-8 for UTF-16, in which a byte says nothing alone; other encodings have ASCII's signs in one byte each."""
        if self._wide is None:
            if self._passed or not chunk:
                return chunk
            begin = bytes(self._buffer) + chunk
            if len(begin) < len(codecs.BOM_UTF16_LE) or not (name := _WIDE.get(begin[:2])):
                return chunk
            self._prepare("utf-8")
            self._wide, chunk = codecs.getincrementaldecoder(name)(), begin
            self._buffer.clear()
        try:
            return self._wide.decode(chunk, last).encode()
        except UnicodeError:
            if last:
                raise CutVOTable("a letter that is not whole") from None
            raise BadVOTable("bytes that are not UTF-16") from None

    def _cdata(self, begins: bool) -> None:
        self._is_cdata = begins

    def _hear(self, *, all_of_it: bool) -> None:
        self._plain = not all_of_it
        self._expat.StartElementHandler = self.start if all_of_it else None
        self._expat.EndElementHandler = self.stop if all_of_it else None
        self._expat.CharacterDataHandler = self.characters if all_of_it else None

    def _serialized(self, attributes: Mapping[str, str]) -> None:
        super()._serialized(attributes)
        self._begins = self._inside and self.serialization == "TABLEDATA"

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self._is_utf8 = self._wide is not None or encoding is None or encoding.lower() in _UTF8

    def _parse(self, data: bytes, *, last: bool = False) -> None:
        try:
            self._expat.Parse(data, last)
        except expat.ExpatError as problem:
            words = expat.ErrorString(problem.code)
            what = f"{words}, line {problem.lineno}, column {problem.offset}"
            raise (CutVOTable if last and words in _CUT else BadVOTable)(what) from None
        except BadVOTable:
            raise
        except (LookupError, ValueError) as problem:
            raise BadVOTable(f"an encoding that cannot be read ({problem})") from None

    def _pass(self, count: int) -> None:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._passed += count
        self._parse(data)
        waiting = self._passed - self._expat.CurrentByteIndex
        begun = data[len(data) - waiting :] if 0 < waiting <= count else b""
        self._begun = _Begun(begun) if begun.startswith((b"<", b"&")) else None

    def _tags(self, start: int) -> None:
        """All but a tag that is not whole; rows that are written plainly wait for `_plain_rows`.

        What comes before `start` is the beginning of a tag.
        """
        if self._begun is None and start and len(self._buffer) <= _LONGEST_TAG and self._buffer.find(b">", start) < 0:
            return
        while self._ended():
            begin = self._buffer.find(_BEGIN)
            if begin < 0:
                # A tag's beginning waits, so that the one of rows is never cut.
                tag = self._buffer.rfind(b"<")
                is_whole = tag < 0 or self._buffer.find(b">", tag) >= 0 or len(self._buffer) - tag > _LONGEST_TAG
                self._pass(len(self._buffer) if is_whole else tag)
                if self._begun is None:
                    return
                continue
            self._begins = False
            self._pass(begin + len(_BEGIN))
            # Whether these letters are a tag (not a comment), and that of the table, expat has said by now.
            if self._begins and self._is_utf8:
                self._hear(all_of_it=False)
                self._plain_rows(0)
                if self._plain:
                    return

    def _ended(self) -> bool:
        """Whether all has ended that expat has only the beginning of; what is base64 goes where it belongs."""
        while self._begun is not None:
            end = self._begun.end(self._buffer, self._looked)
            if end < 0:
                self._looked = len(self._buffer)
                if self._looked > MOST_ROW:
                    raise BadVOTable("a tag or a comment that is too long")
                return False
            self._looked = 0
            self._pass(end)
        if self._text is self.stream and not self._is_cdata:
            stop = self._buffer.find(b"<")
            stop = len(self._buffer) if stop < 0 else stop
            reference = self._buffer.find(b"&", 0, stop)
            stop = stop if reference < 0 else reference
            self.stream += self._buffer[:stop]
            del self._buffer[:stop]
        return True

    def _plain_rows(self, start: int) -> None:
        """Rows of the buffer that are whole; what comes before `start` holds no end of one."""
        end = self._buffer.find(_END, max(0, start - len(_END)))
        last = self._buffer.rfind(_ROW_END, max(0, start - len(_ROW_END)))
        if end < 0 and last < 0:
            if len(self._buffer) > MOST_ROW:
                raise BadVOTable(f"a row of more than {MOST_ROW:,} bytes")
            return
        stop = end if end >= 0 else last + len(_ROW_END)
        data = bytes(self._buffer[:stop])
        rows = plain_rows(data, len(self.fields))
        if rows is not None:
            if _is_sound(data):
                del self._buffer[:stop]
            else:
                self._pass(stop)
            self.rows += rows
        if rows is None or end >= 0:
            self._hear(all_of_it=True)


class _Begun:
    """What expat has only the beginning of: a tag, a comment, an instruction, a reference."""

    def __init__(self, begun: bytes) -> None:
        begin, self._until = next(kind for kind in _KINDS if begun.startswith(kind[0]))
        self._quote = b""
        # The end may have begun, too.
        self._last = begun[len(begin) :][1 - len(self._until) :] if len(self._until) > 1 else b""
        if self._until == b">":
            self.end(bytearray(begun), 0)

    def end(self, data: bytearray, start: int) -> int:
        """Where in `data`, which come behind the beginning, it ends; -1 if it does not, and never before `start`."""
        until = self._until
        if until == b">":
            return self._tag_end(data, start)
        over = len(until) - 1
        if start < over and (found := (self._last + data[: 2 * over]).find(until)) >= 0:
            return found + len(until) - len(self._last)
        found = data.find(until, max(0, start - over))
        return found + len(until) if found >= 0 else -1

    def _tag_end(self, data: bytearray, start: int) -> int:
        """Past signs in quotes."""
        while found := _MARKS[self._quote].search(data, start):
            start, mark = found.end(), found[0]
            if mark == b">":
                return start
            self._quote = b"" if self._quote else mark
        return -1


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
    rows: list[list[str]] = []
    at, add, match = 0, rows.append, _pattern(width).match
    while found := match(text, at):
        add(list(found.groups("")))
        at = found.end()
    if text[at:].strip(" \t\n"):
        return None
    if "&" in text:
        try:
            return [[_REFERENCE.sub(_character, cell) if "&" in cell else cell for cell in cells] for cells in rows]
        except (LookupError, ValueError, OverflowError):
            return None  # a name or a number that expat will refuse
    return rows


@lru_cache(maxsize=8)
def _pattern(width: int) -> re.Pattern[str]:
    """A row of so many cells."""
    return re.compile(f"{_BLANKS}<TR>{_CELL * width}{_BLANKS}</TR>")


def _is_sound(data: bytes) -> bool:
    """Whether rows that were written in the plain way are well-formed for certain."""
    import numpy as np

    if not data.isascii() or b"&" in data or b"]]>" in data:
        return False
    signs = np.frombuffer(data, np.uint8)
    controls = signs[signs < ord(" ")]
    return bool(np.isin(controls, list(b"\t\n\r")).all())


def _character(reference: re.Match[str]) -> str:
    hexadecimal, decimal, name = reference.groups()
    if name:
        return _NAMED[name]
    return chr(int(hexadecimal, 16) if hexadecimal else int(decimal))
