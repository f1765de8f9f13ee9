"""A body of several parts (RFC 7578), taken apart while it comes: fields stay in memory, files go to disk."""

from collections.abc import Callable
from email.parser import HeaderParser

from skykey.sandbox.gracedb.blobs import Upload
from skykey.sandbox.gracedb.errors import Refused

_LARGEST = 16 * 2**20  # of all that is no file, in bytes
_LONGEST_HEAD = 2**14


def check_size(size: int) -> None:
    if size > _LARGEST:
        raise Refused(413, {"detail": "Request body exceeded the limit for what is no file."})


class Parts:
    """Takes a body of several parts apart (RFC 7578), however the wire has cut it."""

    def __init__(
        self, kind: str, fields: dict[str, list[str]], files: dict[str, Upload], begin: Callable[[str, str], Upload]
    ) -> None:
        self._mark = b"\r\n--" + _boundary(kind)
        self._fields, self._files, self._begin = fields, files, begin
        self._rest = bytearray(b"\r\n")  # a first boundary at the very beginning counts as one behind a line
        self._step: Callable[[], bool] = self._content
        self._write: Callable[[bytes], object] = len  # what comes before the first boundary is nothing
        self._field: tuple[str, bytearray] | None = None
        self._plain = 0

    def feed(self, piece: bytes) -> None:
        self._rest += piece
        while self._step():
            pass

    def end(self) -> None:
        if self._step != self._over:
            raise _broken("the end is missing")

    def _content(self) -> bool:
        at = self._rest.find(self._mark)
        if at < 0 or len(self._rest) < at + len(self._mark) + 2:
            sure = at if at >= 0 else max(0, len(self._rest) - len(self._mark) + 1)
            self._write(bytes(self._rest[:sure]))
            del self._rest[:sure]
            return False
        self._write(bytes(self._rest[:at]))
        if self._field is not None:
            name, value = self._field
            self._fields.setdefault(name, []).append(value.decode(errors="replace"))
            self._field = None
        is_last = self._rest[at + len(self._mark) :][:2] == b"--"
        del self._rest[: at + len(self._mark)]
        self._step = self._over if is_last else self._head
        return True

    def _head(self) -> bool:
        at = self._rest.find(b"\r\n\r\n")
        if at < 0:
            if len(self._rest) > _LONGEST_HEAD:
                raise _broken("a head without end")
            return False
        said = HeaderParser().parsestr(self._rest[:at].decode(errors="replace").lstrip("\r\n"))
        del self._rest[: at + 4]
        try:
            name, filename = said.get_param("name", "", "content-disposition"), said.get_filename()
        except ValueError:  # in an encoding that cannot be this text's
            raise _broken("a head that cannot be read") from None
        if filename is None:
            value = bytearray()
            self._field = (str(name), value)
            self._write = lambda piece: self._counted(value, piece)
        else:
            if str(name) in self._files:
                raise _broken(f"two files are named {name}")
            upload = self._files[str(name)] = self._begin(
                filename.replace("\\", "/").rpartition("/")[2], said.get_content_type()
            )
            self._write = upload.write
        self._step = self._content
        return True

    def _counted(self, value: bytearray, piece: bytes) -> None:
        self._plain += len(piece)
        check_size(self._plain)
        value += piece

    def _over(self) -> bool:
        self._rest.clear()
        return False


def _boundary(kind: str) -> bytes:
    found = HeaderParser().parsestr(f"Content-Type: {kind}\n\n").get_boundary()
    if not found:
        raise _broken("Invalid boundary in multipart: None")
    return found.encode("latin-1", "replace")


def _broken(why: str) -> Refused:
    return Refused(400, {"detail": f"Multipart form parse error - {why}"})
