"""Rows of a VOTable in BINARY and BINARY2, from bytes to columns.

Fields of fixed width are read where they lie, as columns of a NumPy record. Where a field's length varies, a loop goes
from length to length, which is all that has to be done row by row; NumPy and Arrow then gather what lies between.
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
        self._left = bytearray()
        self._enough = 0
        self._is_short = True
        # What lies in front of each field of varying length, and behind the last one.
        parts: list[list[Any]] = [[(_FLAGS, "u1", ((len(fields) + 7) // 8,))] if flagged else []]
        self._widths = list[int]()
        for at, field in enumerate(fields):
            width, length = WIDTHS[field.datatype], field.length
            if width * (length or 0) > _MOST_ROW:
                raise BadVOTable(f"a row of more than {_MOST_ROW:,} bytes")  # before NumPy counts it, in 32 bits
            if length is None:
                if "x" in (field.arraysize or ""):
                    raise BadVOTable(
                        f"column {field.name} is an array of {field.arraysize}, which cannot be read in binary"
                    )
                self._widths.append(width)
                parts.append([])
            elif field.is_text:
                parts[-1].append((f"f{at}", f"V{width * length}"))
            else:
                code = _CODES[field.datatype]
                parts[-1].append((f"f{at}", code, (length,)) if field.is_list else (f"f{at}", code))
        self._parts = [np.dtype(part) for part in parts]
        gaps = [part.itemsize for part in self._parts]
        self._steps, self._tail = list(zip(gaps, self._widths, strict=False)), gaps[-1]
        if sum(gaps) > _MOST_ROW:
            raise BadVOTable(f"a row of more than {_MOST_ROW:,} bytes")
        self._codes = np.full(256, _NEITHER, np.uint8)
        for letters, meaning in ((b"Tt1", _TRUE), (b"Ff0", _FALSE), (b"\0 ?", _NULL)):
            self._codes[list(letters)] = meaning

    @property
    def is_between_rows(self) -> bool:
        """Whether no row has begun that is not whole."""
        return not self._left

    def feed(self, data: bytes, *, last: bool = False) -> tuple[int, list[pa.Array]]:
        """Take the next piece; give how many rows are whole now, and their columns.

        Parameters
        ----------
        data
            The piece.
        last
            Whether no other one follows. A row that is much longer than its pieces may wait until then.

        Raises
        ------
        BadVOTable
            If a value is not what its field promises.
        """
        self._left += data
        if len(self._left) < self._enough and not last:
            return 0, []
        data = bytes(self._left)
        places = self._places(data)
        count = len(places)
        used = int(places[-1, -1]) + self._tail if count else 0
        # A long row is not gone through again with each piece of it.
        self._enough = 0 if count else 2 * len(data)
        del self._left[:used]
        return count, self._columns(data, places) if count else []

    def _places(self, data: bytes) -> Any:
        """Of the rows that are whole: where each field of varying length begins; in the end where the last one ends."""
        import numpy as np

        if not self._steps:
            if self._tail == 0:
                raise BadVOTable("rows without any byte")
            return np.arange(len(data) // self._tail).reshape(-1, 1) * self._tail
        if self._is_short:
            places = self._short(data)
            # Also of the row that is not whole: a longer field in it may be why it does not seem so.
            starts = np.array(places, np.int64)
            starts = starts[np.arange(len(places)) % (len(self._steps) + 1) < len(self._steps)]
            starts = starts[starts + _COUNT.size <= len(data)]
            read = np.frombuffer(data, np.uint8)
            self._is_short = not any(read[starts + at].any() for at in range(_COUNT.size - 1))
            if self._is_short:
                return self._whole(data, places)
        return self._whole(data, self._long(data))

    def _short(self, data: bytes) -> list[int]:
        """The places, if all lengths are below 256: then their last bytes say them, which is the fastest to read."""
        places: list[int] = []
        add, steps, tail = places.append, [(gap + 3, width) for gap, width in self._steps], self._tail
        at, end = 0, len(data)
        try:
            while at < end:
                for gap, width in steps:
                    at += gap
                    add(at - 3)
                    at += 1 + width * data[at]
                add(at)
                at += tail
        except IndexError:  # the row's next length has not come
            pass
        return places

    def _long(self, data: bytes) -> list[int]:
        places: list[int] = []
        add, steps, tail, count_at = places.append, self._steps, self._tail, _COUNT.unpack_from
        at, end, begin = 0, len(data), 0
        try:
            while at < end:
                begin = at
                for gap, width in steps:
                    at += gap
                    add(at)
                    at += 4 + width * count_at(data, at)[0]
                add(at)
                at += tail
        except struct.error:
            pass
        if max(at, end) - begin > _MOST_ROW:
            raise BadVOTable(f"a row of more than {_MOST_ROW:,} bytes")
        return places

    def _whole(self, data: bytes, places: list[int]) -> Any:
        import numpy as np

        width = len(self._steps) + 1
        found = np.array(places[: len(places) // width * width], np.int64).reshape(-1, width)
        return found[: int(np.searchsorted(found[:, -1] + self._tail, len(data), "right"))]

    def _columns(self, data: bytes, places: Any) -> list[pa.Array]:
        import numpy as np

        count = len(places)
        records: dict[str, Any] = {}
        for number, part in enumerate(self._parts):
            # The last one lies behind its place, the others in front of theirs.
            starts = places[:, number] - (part.itemsize if number < len(self._steps) else 0)
            found = _gathered(data, starts, part)
            records |= {name: found[name] for name in part.names or ()}
        flags = np.unpackbits(records[_FLAGS], axis=1).astype(bool).T if self._flagged else None
        varying = iter(range(len(self._steps)))
        made = []
        for at, field in enumerate(self._fields):
            nulls = np.zeros(count, bool) if flags is None else flags[at]
            if field.length is None:
                number = next(varying)
                ends = places[:, number + 1] - (self._steps[number + 1][0] if number + 1 < len(self._steps) else 0)
                column = self._varying(field, *_cells(data, places[:, number] + 4, ends), nulls)
            elif field.is_text:
                cells = _until_nul(field, records[f"f{at}"].tolist())
                column = self._text(field, _lengths(cells), b"".join(cells), nulls)
            elif field.is_list:
                values = self._elements(field, records[f"f{at}"].reshape(-1), None)
                ends = np.arange(count + 1, dtype=np.int32) * field.length
                column = _lists(ends, values, nulls)
            else:
                column = self._elements(field, records[f"f{at}"], nulls)
            made.append(column)
        return made

    def _varying(self, field: VOField, lengths: Any, joined: bytes, nulls: Any) -> pa.Array:
        import numpy as np

        if field.is_text:
            return self._text(field, lengths, joined, nulls)
        values = self._elements(field, np.frombuffer(joined, _CODES[field.datatype]), None)
        lengths //= WIDTHS[field.datatype]
        # Without flags there is no other null.
        return _lists(_ends(lengths), values, nulls if self._flagged else lengths == 0)

    def _text(self, field: VOField, lengths: Any, joined: bytes, nulls: Any) -> pa.Array:
        import numpy as np

        pa = arrow()
        if field.datatype == "unicodeChar":
            units = np.frombuffer(joined, ">u2")
            if not len(units) or units.max() < _ASCII:
                joined, lengths = units.astype(np.uint8).tobytes(), lengths // 2
            else:
                ends = _ends(lengths)
                pairs = zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
                cells = [_unicode(field, joined[begin:end]) for begin, end in pairs]
                joined, lengths = b"".join(cells), _lengths(cells)
        missing = nulls if self._flagged else lengths == 0
        valid = pa.array(~missing)
        texts = pa.Array.from_buffers(
            pa.string(), len(lengths), [valid.buffers()[1], pa.py_buffer(_ends(lengths)), pa.py_buffer(joined)]
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


def _gathered(data: bytes, starts: Any, part: Any) -> Any:
    """Records that begin at these places."""
    import numpy as np

    if part.itemsize == 0:
        return np.zeros(len(starts), part)
    # At every place one that may overlap the next: none is made but those that are taken.
    every = np.ndarray(len(data) - part.itemsize + 1, f"V{part.itemsize}", data, strides=(1,))
    return every[starts].view(part)


def _cells(data: bytes, starts: Any, ends: Any) -> tuple[Any, bytes]:
    """The bytes between these places: how many of each, and all of them joined."""
    import numpy as np

    pa = arrow()
    # As the texts of an array that begin and end there; every second one is what lies between them.
    edges = np.stack([starts, ends], axis=1).astype(np.int32).reshape(-1)
    texts = pa.Array.from_buffers(
        pa.binary(), len(edges) - 1, [None, pa.py_buffer(edges), pa.py_buffer(data)], null_count=0
    )
    taken = texts.take(pa.array(np.arange(0, len(edges), 2)))
    lengths = ends - starts
    _, _, joined = taken.buffers()
    return lengths, joined.to_pybytes()[: int(lengths.sum())] if joined else b""


def _lengths(cells: list[bytes]) -> Any:
    import numpy as np

    return np.fromiter(map(len, cells), np.int64, len(cells))


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
