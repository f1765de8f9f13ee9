"""A download whose refusals are the documented errors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from skykey.calls.transfer import Transfer
from skykey.calls.wrapped import Wrapped
from skykey.values.errors import SkykeyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.calls.call import Call, Reader
    from skykey.calls.flow import Flow
    from skykey.calls.response import Responses
    from skykey.wire.request import Head


class Opening(Transfer):
    """See `Transfer`.

    Parameters
    ----------
    call
        With request, credentials and patience.
    responses
        Where a refused answer is kept.
    fail
        Raises what is to be raised for an error.
    is_page
        See `Transfer`.
    """

    def __init__(
        self, call: Call[Any], responses: Responses, fail: Callable[[SkykeyError], object], *, is_page: bool
    ) -> None:
        super().__init__(call.request, auth=call.auth, patience=call.patience, is_page=is_page)
        self._responses = responses
        self._fail = fail

    def flow(self) -> Flow[None]:
        """See `Transfer.flow`; it raises the documented errors."""
        try:
            yield from super().flow()
        except SkykeyError as problem:
            self._fail(problem)
            raise

    def _call(self) -> Call[None]:
        call = super()._call()
        return replace(call, reader=lambda: _Noting(call.reader(), self._responses))


class _Noting(Wrapped[None]):
    """Keeps what is refused."""

    def __init__(self, reader: Reader[None], responses: Responses) -> None:
        super().__init__(reader)
        self._responses = responses

    def words(self, head: Head, body: bytes, /) -> str:
        self._responses.refused = self._responses.kind(head, body)
        return super().words(head, body)
