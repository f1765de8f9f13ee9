"""The proxy that an option names: what the environment says otherwise, for as long as the command runs."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Final

from skykey.cli.output import say
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADDRESS: Final = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<login>[^@/\s]*@)?(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{1,5}))?/?"
)
_HIGHEST_PORT: Final = 65_535
# The small ones win where both are set, and NO_PROXY would take exceptions from what was said on the line.
_NAMES: Final = ("http_proxy", "https_proxy", "no_proxy", "NO_PROXY")


@contextlib.contextmanager
def through(proxy: str | None) -> Iterator[None]:
    """Let all requests of this block go through a proxy; None leaves that to the environment.

    Addresses of this machine are asked without one in any case.

    Raises
    ------
    UsageError
        If it is no proxy's address.
    """
    if proxy is None:
        yield
        return
    address = _address(proxy)
    before = {name: os.environ.pop(name) for name in _NAMES if name in os.environ}
    os.environ.update(http_proxy=address, https_proxy=address)
    try:
        yield
    finally:
        for name in _NAMES:
            os.environ.pop(name, None)
        os.environ.update(before)


def _address(proxy: str) -> str:
    read = _ADDRESS.fullmatch(proxy)
    if read is None or int(read["port"] or 0) > _HIGHEST_PORT:
        # Without what was given: it may be a password.
        raise UsageError("--proxy takes HOST, HOST:PORT or the URL of an HTTP proxy", next="--proxy http://HOST:3128")
    if read["login"]:
        say(
            "The password of --proxy can be read by other users of this machine; "
            "HTTPS_PROXY and HTTP_PROXY are read by you alone."
        )
    return proxy if read["scheme"] else f"http://{proxy}"
