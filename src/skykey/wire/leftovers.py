"""Bytes behind an answer that is whole: nobody asked for them, and the next answer must not begin with them.

The library gives a connection back to its pool as soon as an answer is whole. It looks at the socket before the next
request, but what was read from there together with the answer lies in its own buffers, where it does not look.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpcore2

# Neither the library nor what it stands on shows these, or the way to them; a release that has others fails the tests.
_LAYER_BELOW: Final = ("_inner", "_stream", "transport_stream")
_ENCRYPTED: Final = ("_incoming", "_read_bio")


def retire(answer: httpcore2.Response) -> None:
    """Have an answer's connection closed with it, and not used again, if anything lies behind the answer.

    What arrives later than this is seen by the pool's own look before the next request; what arrives between that look
    and the request cannot be told from an answer to it.

    Parameters
    ----------
    answer
        One that is closed next. Where it is closed already nothing is done: the connection may be somebody else's.
    """
    with suppress(AttributeError):  # in a release that has them elsewhere the pool's own look remains
        answers: Any = answer.stream
        carried = answers._stream  # noqa: SLF001 - see above
        if carried._closed:  # noqa: SLF001
            return
        protocol = carried._connection._h11_state  # noqa: SLF001
        if any(protocol.trailing_data) or any(_unread(answer.extensions["network_stream"])):
            # A connection whose protocol has failed is closed and not kept.
            protocol.send_failed()


def _unread(stream: Any) -> Iterator[bool]:
    """What each layer between HTTP and the socket says about bytes that it has and HTTP has not."""
    yield bool(stream.get_extra_info("is_readable"))
    layer = stream
    while layer is not None:
        yield any(getattr(getattr(layer, name, None), "pending", 0) for name in _ENCRYPTED)
        yield bool(getattr(getattr(layer, "_protocol", None), "read_queue", ()))
        layer = next((below for name in _LAYER_BELOW if (below := getattr(layer, name, None)) is not None), None)
