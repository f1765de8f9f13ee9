"""One download as a flow: pieces while they come, from where it broke off, or into a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.call import Call, Patience, Repeat
from skykey.calls.flow import pause, stream
from skykey.calls.refusals import refuse_page
from skykey.calls.repeats import backed_off
from skykey.calls.response import words_in
from skykey.calls.steps import Batches
from skykey.calls.target import Target
from skykey.values.deadline import Deadline
from skykey.values.errors import Interrupted, ServiceError, TimedOut, Unreadable, UsageError
from skykey.values.progress import advance

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from skykey.calls.flow import Flow
    from skykey.credentials.kept import Kept
    from skykey.wire.request import Head, Request

_PART: Final = 206
_BEYOND: Final = 416
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_LONGEST_PAUSE: Final = 30.0
_PATIENCE: Final = Patience()


class _Restart:
    """Stands before the pieces of another version: what came before is nothing any more."""


RESTART: Final = _Restart()


class Transfer:
    """One download: what has come of it, and how it goes on.

    Parameters
    ----------
    request
        A GET, without credentials.
    auth, patience, total, remedy
        As in `Call`. Repeats are counted from the last piece that came.
    is_page
        Whether a web page may be what is wanted; else it is taken for a login page, and refused.
    """

    def __init__(
        self,
        request: Request,
        *,
        auth: tuple[Kept[Any], ...] = (),
        patience: Patience = _PATIENCE,
        total: float | None = None,
        remedy: str | None = None,
        is_page: bool = True,
    ) -> None:
        self._request = request
        self._patience = patience
        self._rules: dict[str, Any] = {"auth": auth, "patience": patience, "remedy": remedy}
        self._total = total
        self._ends: Deadline | None = None
        self._is_page = is_page
        self.head: Head | None = None
        self.size: int | None = None
        self.validator: str | None = None
        self.offset = 0
        self.may_restart = False
        self._is_whole = False
        self._may_ask_for_parts = True
        self._moved = 0

    def flow(self) -> Flow[None]:
        """Pass on first this object, then pieces, and `RESTART` where it begins anew.

        Raises
        ------
        Interrupted, TimedOut
            If it broke off and cannot go on, or did so too often.
        Unreadable
            If the file is not any more what it was, and its beginning has been read already.
        ServiceError
            As the service refuses it.
        """
        yield Batches((self,))
        if self._ends is None and self._total is not None:
            self._ends = Deadline.after(self._total)
        failures, furthest = 0, self.offset
        while not self._is_over():
            moved = self._moved
            try:
                yield from stream(self._call())
            except (Interrupted, TimedOut) as problem:
                # Where nothing came, the call itself has tried again as often as patience allows.
                is_spent = self._moved == moved and isinstance(problem, Interrupted)
                failures = (0 if self.offset > furthest else failures) + 1
                furthest = max(furthest, self.offset)
                if is_spent or failures > self._patience.repeats or not self._can_go_on():
                    raise
                yield from pause(self._wait(failures))
                problem.__traceback__ = None
            except ServiceError as problem:
                if problem.status not in {_PART, _BEYOND} or not self.offset or not self.may_restart:
                    raise
                self._may_ask_for_parts = False  # it cannot be relied on for them
                yield from self._anew()

    def go_on_from(self, offset: int) -> None:
        """Begin there: so many bytes of exactly this version are in a file already."""
        self.offset, self._is_whole = offset, False
        if self.size is not None and offset > self.size:
            raise Unreadable(f"a part of {offset} bytes is longer than the whole of {self.size}")

    def _is_over(self) -> bool:
        return self._is_whole or (self.size is not None and 0 < self.size == self.offset)

    def _can_go_on(self) -> bool:
        if self._ends is not None and self._ends.remaining() == 0.0:
            return False
        return self.offset == 0 or self.validator is not None or self.may_restart

    def _wait(self, failures: int) -> float:
        wait = min(backed_off(self._patience.first, failures), self._patience.longest, _LONGEST_PAUSE)
        left = None if self._ends is None else self._ends.remaining()
        return wait if left is None else min(wait, left)

    def _call(self) -> Call[None]:
        request = self._request
        validator = self._asked_by
        if validator is not None:
            request = request.with_headers(("Range", f"bytes={self.offset}-"), ("If-Range", validator))
        total = None if self._ends is None else self._ends.remaining()
        return Call(request, lambda: _Pieces(self), repeat=Repeat.SAFE, total=total, **self._rules)

    @property
    def _asked_by(self) -> str | None:
        """What a part is asked for by; None where the whole is."""
        return self.validator if self.offset and self._may_ask_for_parts else None

    def _anew(self) -> Flow[None]:
        self.offset, self.size, self.validator = 0, None, None
        yield Batches((RESTART,))

    def begun(self, head: Head) -> bool:
        """Look at an answer's head; tells whether it begins anew."""
        where = head.url.without_query()
        if not self._is_page:
            refuse_page(head, "a file")
        plain = head.headers.get("content-encoding", "identity").strip().lower() in {"", "identity"}
        if head.status == _PART:
            self._check_part(head, is_plain=plain)
            return False
        is_anew = self.offset > 0
        if is_anew and not self.may_restart:
            raise Unreadable(f"{where} changed while it was being read", next="ask again", url=where)
        length = head.headers.get("content-length", "")
        self.head, self.offset = head, 0
        self.size = int(length) if plain and length.isdecimal() and length.isascii() else None
        if self.size is None and plain and "chunked" not in head.headers.get("transfer-encoding", "").lower():
            raise Unreadable(f"{where} does not say where its file ends", status=head.status, url=where)
        tag = head.headers.get("etag", "").strip()
        # A weak one (W/"…") means much the same, and not the same bytes.
        self.validator = tag if plain and tag.startswith('"') else None
        if self.size:
            advance(size=self.size)
        return is_anew

    def _check_part(self, head: Head, *, is_plain: bool) -> None:
        where = head.url.without_query()
        validator = self._asked_by
        if validator is None:
            raise Unreadable(f"{where} answered with a part where the whole was asked for", status=_PART, url=where)
        # RFC 9110, 15.3.7: it says which part of how much, and has the ETag that the whole would have.
        found = _RANGE.fullmatch(head.headers.get("content-range", "").strip())
        if found is None or int(found[1]) != self.offset or not is_plain:
            raise Unreadable(f"{where} answered with another part of the file", status=_PART, url=where)
        if head.headers.get("etag", "").strip() != validator or _differs(found[3], self.size):
            raise Unreadable(f"{where} answered with a part of another file", status=_PART, url=where)
        if self.size is None:
            if found[3] == "*":
                raise Unreadable(f"{where} does not say where its file ends", status=_PART, url=where)
            self.size = int(found[3])

    def came(self, piece: bytes) -> None:
        """Count."""
        self.offset += len(piece)
        self._moved += len(piece)
        advance(moved=len(piece))

    def ended(self) -> None:
        """See that it is whole."""
        if self.size is not None and self.offset != self.size:
            raise Interrupted(f"the file ended after {self.offset} of {self.size} bytes")
        self._is_whole = True


class _Pieces:
    """See `Reader`."""

    def __init__(self, transfer: Transfer) -> None:
        self._transfer = transfer
        self._first: tuple[object, ...] = ()

    def head(self, head: Head, /) -> None:
        if self._transfer.begun(head):
            self._first = (RESTART,)

    def feed(self, chunk: bytes, /) -> Sequence[object]:
        self._transfer.came(chunk)
        pieces, self._first = (*self._first, chunk), ()
        return pieces

    def finish(self) -> None:
        self._transfer.ended()

    def words(self, head: Head, body: bytes, /) -> str:
        return words_in(head, body)


def _differs(said: str, known: int | None) -> bool:
    return said != "*" and known is not None and int(said) != known


class Sink:
    """Puts what a download passes on into its target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._transfer: Transfer | None = None
        self._is_begun = False

    def take(self, items: Sequence[object]) -> Flow[None] | None:
        """Take what was passed on; if a part of the file is there already, the flow that goes on from its end."""
        for item in items:
            match item:
                case Transfer():
                    self._transfer, item.may_restart = item, True
                case bytes() if not self._is_begun and self._finds_a_part(item):
                    return None if self._transfer is None else self._transfer.flow()
                case bytes():
                    self._target.write(item)
                case _:
                    if self._is_begun:
                        self._target.restart()
                    self._is_begun = False  # the part of another version has another name
        return None

    def _finds_a_part(self, piece: bytes) -> bool:
        transfer = self._begin()
        there = self._there
        if there and (transfer.offset != len(piece) or not len(piece) < there <= (transfer.size or 0)):
            self._target.restart()
            return False
        if there:
            transfer.go_on_from(there)
        return there > 0

    def _begin(self) -> Transfer:
        transfer = self._transfer
        if transfer is None or transfer.head is None:
            raise UsageError("this is no download")
        self._there = self._target.begin(transfer.head.url.without_query(), transfer.validator)
        self._is_begun = True
        return transfer

    def place(self) -> Path:
        """Give the file its name: the download has ended."""
        if not self._is_begun:  # nothing came, so it is empty
            self._begin()
            self._target.restart()
        return self._target.place()


def saved(flow: Flow[None], path: str | os.PathLike[str]) -> Flow[Path]:
    """Perform a download's flow into a file; see `Download.save`."""
    with Target(path) as target:
        sink = Sink(target)
        answer: Any = None
        failure: Exception | None = None
        while True:
            try:
                step = flow.send(answer) if failure is None else flow.throw(failure)
            except StopIteration:
                return sink.place()
            answer = failure = None
            if isinstance(step, Batches):
                further = sink.take(step.items)
                if further is not None:
                    flow.close()
                    flow = further
                continue
            try:
                answer = yield step
            except Exception as problem:  # noqa: BLE001 - handed to the flow, which raises it again
                failure = problem
