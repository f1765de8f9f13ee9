"""From transferred bytes to content, never more than was agreed (a small answer can unpack to gigabytes)."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from skykey.values.errors import Interrupted, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skykey.wire.request import Head

_PIECE = 64 * 1024
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class Decoder:
    """Undo ``Content-Encoding`` in pieces of at most 64 KiB and count them.

    Parameters
    ----------
    head
        Of the answer.
    cap
        Most decoded bytes.

    Raises
    ------
    Unreadable
        For an encoding other than gzip and deflate.
    """

    def __init__(self, head: Head, cap: int | None) -> None:
        encoding = head.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise Unreadable(
                f"the answer is encoded as {encoding[:40]!r}, which was not asked for",
                url=head.url.without_query(),
            )
        self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB) if encoding not in {"", "identity"} else None
        self._left = cap
        self._cap = cap
        self._url = head.url.without_query()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Decode one transferred chunk.

        Raises
        ------
        Unreadable
            For damaged data, and beyond the cap.
        """
        if self._inflate is None:
            yield self._count(data)
            return
        while data:
            if self._inflate.eof:  # a gzip answer may have several members (RFC 1952, 2.2)
                self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                piece = self._inflate.decompress(data, _PIECE)
            except zlib.error as problem:
                raise Unreadable(f"the compressed answer is damaged ({problem})", url=self._url) from None
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            if piece:
                yield self._count(piece)

    def finish(self) -> None:
        """Check that a compressed answer came to its end.

        Raises
        ------
        Interrupted
            If it did not.
        """
        if self._inflate is not None and not self._inflate.eof:
            raise Interrupted(f"the compressed answer of {self._url} ended early")

    def _count(self, piece: bytes) -> bytes:
        if self._left is not None:
            self._left -= len(piece)
            if self._left < 0:
                raise Unreadable(
                    f"the answer is larger than {self._cap:,} bytes, which none of its kind is", url=self._url
                )
        return piece
