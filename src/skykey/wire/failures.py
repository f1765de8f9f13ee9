"""The HTTP library's exceptions in our words."""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING

import httpcore2

from skykey.values.errors import Interrupted, SkykeyError, TimedOut, TransportError, Unreachable
from skykey.wire.frames import frameless

if TYPE_CHECKING:
    from types import TracebackType

    from skykey.wire.request import Request

_THEIRS = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
    OSError,
)
# Nothing has gone out then: there is no connection that is ready for it.
_BEFORE_SENDING = httpcore2.ConnectTimeout, httpcore2.PoolTimeout, httpcore2.ProxyError, httpcore2.ConnectError


class translated:  # noqa: N801 - used as a statement: with translated(request, sent=True)
    """Turn what the HTTP library raises in the block into `TransportError`.

    The library's own frames are cut off (see `frameless`). A class and not a generator: it is entered once for every
    piece of an answer.

    Parameters
    ----------
    request
        What is under way.
    sent
        Whether the head of the answer has arrived.
    """

    __slots__ = ("_handled", "_request", "_sent")

    def __init__(self, request: Request, *, sent: bool) -> None:
        self._request = request
        self._sent = sent

    def __enter__(self) -> None:
        self._handled = sys.exception()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(problem, SkykeyError):
            # From our own socket below, through the library's frames. A copy: the block gives the same object its
            # frames back.
            raise copy.copy(problem) from frameless(problem, handled=self._handled).__cause__
        if isinstance(problem, _THEIRS):
            cause = frameless(problem, handled=self._handled)
            raise _translate(problem, self._request, sent=self._sent) from cause
        if problem is not None and traceback is not None:
            traceback.tb_next = None  # Ctrl-C and cancellation pass, without the library's frames as well
            for link in (problem.__cause__, problem.__context__):
                if link is not None and link is not self._handled:
                    frameless(link, handled=self._handled)


def _translate(problem: Exception, request: Request, *, sent: bool) -> SkykeyError:
    found = _in_our_words(problem, request, sent=sent)
    if isinstance(found, TransportError):
        found.unsent = isinstance(problem, _BEFORE_SENDING)
    return found


def _in_our_words(problem: Exception, request: Request, *, sent: bool) -> SkykeyError:
    origin = request.url.origin
    what = str(problem).strip() or type(problem).__name__
    match problem:
        case httpcore2.ConnectTimeout():
            return TimedOut(f"{origin} did not take the connection in time (at most {request.timeouts.connect:g} s)")
        case httpcore2.PoolTimeout():
            return TimedOut(f"too many answers are being read at once: no connection to {origin} became free in time")
        case httpcore2.TimeoutException():
            return TimedOut(f"{origin} was silent for {request.timeouts.silence:g} s")
        case TimeoutError():
            return TimedOut(f"the time limit was over while waiting for {origin}")
        case httpcore2.ProxyError():
            return Unreachable(f"the proxy refuses {origin} ({what})", next="check HTTPS_PROXY and NO_PROXY")
        case httpcore2.ConnectError() if "CERTIFICATE_VERIFY_FAILED" in what:
            return Unreachable(
                f"the certificate of {origin} is not trusted ({what})",
                next="set SSL_CERT_FILE to a bundle that holds its authority, if you trust it",
            )
        case httpcore2.ConnectError():
            return Unreachable(f"{origin} cannot be reached ({what})")
        case _ if "CERTIFICATE_REQUIRED" in what or "certificate required" in what:
            # TLS 1.3 refuses a missing client certificate only after the handshake, as a read error.
            return Unreachable(f"{origin} asks for a client certificate ({what})")
        case _ if sent:
            return Interrupted(f"the answer of {origin} ended before it was whole ({what})")
        case _:
            return Interrupted(f"{origin} closed the connection before it answered ({what})")
