"""Rows of a VOTable in BINARY and BINARY2, from bytes to columns.

Fields of fixed width are read where they lie, as columns of a NumPy record. Where a field's length varies, a loop cuts
each row into the parts in front of such fields and the fields themselves; the parts then make records again.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from skykey.tables.packages import arrow
from skykey.tables.votable_fields import FLOATS, WIDTHS, BadVOTable
from skykey.tables.votable_text import nulled, times

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from skykey.tables.votable_fields import VOField

_CODES: Final = {
    "boolean": "u1",
    "bit": "u1",
    "unsignedByte": "u1",
    "short": ">i2",
    "int": ">i4",
    "long": ">i8",
    "float": ">f4",
    "double": ">f8",
}
_COUNT: Final = struct.Struct(">I")
_MOST_ROW: Final = 64 * 2**20
"""Bytes of one row: more is a length that was read where none is."""
_FLAGS: Final = "flags"
_ASCII: Final = 128
_TRUE, _FALSE, _NULL, _NEITHER = 1, 0, 2, 3


class BinaryRows:
    """Push decoder: bytes in, columns out.

    Parameters
    ----------
    fields
        In their order.
    flagged
        Whether each row begins with a bit a field that says whether it is null (BINARY2).
    """

    def __init__(self, fields: Sequence[VOField], *, flagged: bool) -> None:
        import numpy as np

        self._fields = tuple(fields)
        self._flagged = flagged
        self._left = b""
        record: list[Any] = [(_FLAGS, "u1", ((len(fields) + 7) // 8,))] if flagged else []
        before = [(_part(entry), 0) for entry in record]
        # Widths of what lies between fields of varying length, and of an element of each of these.
        gaps, self._steps = [sum(width for width, _ in before)], list[tuple[int, int]]()
        for at, field in enumerate(fields):
            width, length = WIDTHS[field.datatype], field.length
            if length is None:
                if "x" in (field.arraysize or ""):
                    raise BadVOTable(
                        f"column {field.name} is an array of {field.arraysize}, which cannot be read in binary"
                    )
                self._steps.append((gaps[-1], width))
                gaps.append(0)
                continue
            if field.is_text:
                record.append((f"f{at}", f"V{width * length}") if width * length else (f"f{at}", "V0"))
            else:
                record.append(
                    (f"f{at}", _CODES[field.datatype], (length,))
                    if field.is_list
                    else (f"f{at}", _CODES[field.datatype])
                )
            gaps[-1] += width * length
        self._tail = gaps[-1]
        if sum(gaps) > _MOST_ROW:
            raise BadVOTable(f"a row of more than {_MOST_ROW:,} bytes")
        self._record = np.dtype(record)
        self._codes = np.full(256, _NEITHER, np.uint8)
        for letters, meaning in ((b"Tt1", _TRUE), (b"Ff0", _FALSE), (b"\0 ?", _NULL)):
            self._codes[list(letters)] = meaning

    @property
    def is_between_rows(self) -> bool:
        """Whether no row has begun that is not whole."""
        return not self._left

    def feed(self, data: bytes) -> tuple[int, list[pa.Array]]:
        """Take the next piece; give how many rows are whole now, and their columns.

        Raises
        ------
        BadVOTable
            If a value is not what its field promises.
        """
        data = self._left + data
        if self._steps:
            count, used, fixed, varying = self._cut(data)
        else:
            size = self._record.itemsize
            if size == 0:
                raise BadVOTable("rows without any byte")
            count = len(data) // size
            used, fixed, varying = count * size, data[: count * size], []
        self._left = data[used:]
        return count, self._columns(count, fixed, varying) if count else []

    def _cut(self, data: bytes) -> tuple[int, int, bytes, list[list[bytes]]]:
        """Whole rows: how many, of how many bytes, their parts of fixed width in a row, and the others by field."""
        parts: list[bytes] = []
        varying: list[list[bytes]] = [[] for _ in self._steps]
        steps = [(gap, width, cells.append) for (gap, width), cells in zip(self._steps, varying, strict=True)]
        tail, end, part, count_at = self._tail, len(data), parts.append, _COUNT.unpack_from
        at = used = rows = needed = 0
        try:
            while at < end:
                for gap, width, add in steps:
                    if gap:
                        part(data[at : at + gap])
                        at += gap
                    stop = at + 4 + width * count_at(data, at)[0]
                    add(data[at + 4 : stop])
                    at = stop
                if tail:
                    part(data[at : at + tail])
                    at += tail
                if at > end:
                    needed = at - used
                    break
                used = at
                rows += 1
        except struct.error:  # the row's next length has not come
            needed = at - used
        if needed > _MOST_ROW:
            raise BadVOTable(f"a row of more than {_MOST_ROW:,} bytes")
        for cells in varying:
            del cells[rows:]
        del parts[rows * (sum(1 for gap, _ in self._steps if gap) + bool(tail)) :]
        return rows, used, b"".join(parts), varying

    def _columns(self, count: int, fixed: bytes, varying: list[list[bytes]]) -> list[pa.Array]:
        import numpy as np

        records = np.frombuffer(fixed, self._record) if self._record.itemsize else np.zeros(count, self._record)
        flags = np.unpackbits(records[_FLAGS], axis=1).astype(bool) if self._flagged else None
        cells = iter(varying)
        made = []
        for at, field in enumerate(self._fields):
            nulls = np.zeros(count, bool) if flags is None else flags[:, at]
            if field.length is None:
                column = self._varying(field, next(cells), nulls)
            elif field.is_text:
                column = self._text(field, _until_nul(field, records[f"f{at}"].tolist()), nulls)
            elif field.is_list:
                values = self._elements(field, records[f"f{at}"].reshape(-1), None)
                ends = np.arange(count + 1, dtype=np.int32) * field.length
                column = _lists(ends, values, nulls)
            else:
                column = self._elements(field, records[f"f{at}"], nulls)
            made.append(column)
        return made

    def _varying(self, field: VOField, cells: list[bytes], nulls: Any) -> pa.Array:
        import numpy as np

        if field.is_text:
            return self._text(field, cells, nulls)
        values = self._elements(field, np.frombuffer(b"".join(cells), _CODES[field.datatype]), None)
        lengths = np.fromiter(map(len, cells), np.int64, len(cells)) // WIDTHS[field.datatype]
        # Without flags there is no other null.
        return _lists(_ends(lengths), values, nulls if self._flagged else lengths == 0)

    def _text(self, field: VOField, cells: list[bytes], nulls: Any) -> pa.Array:
        import numpy as np

        pa = arrow()
        lengths = np.fromiter(map(len, cells), np.int64, len(cells))
        joined = b"".join(cells)
        if field.datatype == "unicodeChar":
            units = np.frombuffer(joined, ">u2") if len(joined) % 2 == 0 else None
            if units is not None and (not len(units) or units.max() < _ASCII):
                joined, lengths = units.astype(np.uint8).tobytes(), lengths // 2
            else:
                cells = [_unicode(field, cell) for cell in cells]
                joined, lengths = b"".join(cells), np.fromiter(map(len, cells), np.int64, len(cells))
        missing = nulls if self._flagged else lengths == 0
        valid = pa.array(~missing)
        texts = pa.Array.from_buffers(
            pa.string(), len(cells), [valid.buffers()[1], pa.py_buffer(_ends(lengths)), pa.py_buffer(joined)]
        )
        try:
            texts.validate(full=True)
        except pa.ArrowInvalid:
            raise BadVOTable(f"column {field.name} has text that is not UTF-8") from None
        if field.null:
            texts = pa.array([None if text == field.null else text for text in texts.to_pylist()], pa.string())
        return times(field, texts) if field.is_time else texts

    def _elements(self, field: VOField, values: Any, nulls: Any | None) -> pa.Array:
        import numpy as np

        pa = arrow()
        if field.datatype == "bit":
            # Which of the eight bits it is, writers do not agree on; the others are zero.
            return pa.array(values != 0, pa.bool_(), mask=nulls)
        if field.datatype == "boolean":
            meant = self._codes[values]
            if (meant == _NEITHER).any():
                raise BadVOTable(f"column {field.name} has a byte that is no boolean")
            missing = meant == _NULL
            return pa.array(meant == _TRUE, pa.bool_(), mask=missing if nulls is None else missing | nulls)
        native = values.astype(values.dtype.newbyteorder("="))
        if nulls is not None and not self._flagged and field.datatype in FLOATS:
            nulls = np.isnan(native)  # BINARY has no other null for them
        return nulled(field, pa.array(native, field.element, mask=nulls))


def _part(entry: tuple[str, str, tuple[int, ...]]) -> int:
    return entry[2][0]


def _ends(lengths: Any) -> Any:
    import numpy as np

    ends = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    return ends


def _lists(ends: Any, values: pa.Array, nulls: Any) -> pa.Array:
    pa = arrow()
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values, mask=pa.array(nulls))


def _until_nul(field: VOField, cells: list[bytes]) -> list[bytes]:
    """A text that is shorter than its field ends with NUL."""
    if field.datatype == "char":
        return [cell.partition(b"\0")[0] for cell in cells]
    return [_unicode(field, cell).partition(b"\0")[0].decode().encode("utf-16-be") for cell in cells]


def _unicode(field: VOField, cell: bytes) -> bytes:
    try:
        return cell.decode("utf-16-be").encode()
    except UnicodeError:
        raise BadVOTable(f"column {field.name} has text that is not UCS-2") from None
