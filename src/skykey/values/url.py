"""URLs that are read once, strictly, and then compared as values."""

from __future__ import annotations

import ipaddress
import re
from typing import Self
from urllib.parse import quote, urljoin, urlsplit

from skykey.values.errors import BadUrl
from skykey.values.origin import DEFAULT_PORTS, Origin

# What one parser strips, another keeps: a URL with any of these means different things to different programs.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f\\]|[\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]")
# The standard library's own split drops what stands beside the brackets of an IPv6 address.
_NETLOC = re.compile(r"(\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:]*))(:(?P<port>[0-9]{1,5}))?")
_HOST_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_MAX_HOST = 253
_MAX_PORT = 65535


class Url(str):
    """An absolute http or https URL, normalised: a ``str`` that also knows its parts.

    Scheme and host in lower case, host in its ASCII form (IDNA 2008), no default port, no trailing dot, no user
    information, no fragment, at least ``/`` as path. Equal URLs are equal strings.

    Parameters
    ----------
    text
        The URL.

    Raises
    ------
    BadUrl
        For anything that two parsers could read differently (control characters, blanks, backslashes), for user
        information, for numbers that only look like an IPv4 address, and for schemes other than http and https.

    Examples
    --------
    >>> url = Url("HTTPS://Example.ORG.:443")
    >>> url, url.host, url.port
    ('https://example.org/', 'example.org', 443)
    """

    __slots__ = ("_origin", "_path", "_query")

    _origin: Origin
    _path: str
    _query: str

    def __new__(cls, text: str) -> Self:
        """Parse; an already parsed URL passes unchanged."""
        if isinstance(text, cls):
            return text
        if not isinstance(text, str):
            raise BadUrl(f"a URL is text, not {type(text).__name__}")
        origin, path, query = _parse(text)
        self = super().__new__(cls, f"{origin}{path}{'?' + query if query else ''}")
        self._origin, self._path, self._query = origin, path, query
        return self

    @property
    def origin(self) -> Origin:
        """Scheme, host and port: the unit that credentials are bound to."""
        return self._origin

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return self._origin.scheme

    @property
    def host(self) -> str:
        """The host, without brackets if it is an IPv6 address."""
        return self._origin.host

    @property
    def port(self) -> int:
        """The port, the scheme's default if the URL names none."""
        return self._origin.port

    @property
    def path(self) -> str:
        """The path, percent-encoded, at least ``/``."""
        return self._path

    @property
    def query(self) -> str:
        """What follows the question mark, percent-encoded; empty if nothing does."""
        return self._query

    def __truediv__(self, segment: str) -> Url:
        """Append path segments, with exactly one slash between; each ``str`` may hold several."""
        return Url(f"{self._origin}{self._path.rstrip('/')}/{segment.lstrip('/')}")

    def resolve(self, location: str) -> Url:
        """Read a ``Location`` header relative to this URL (RFC 9110, 10.2.2).

        Raises
        ------
        BadUrl
            As for a new `Url`. The location is not shown: it may carry a signature.
        """
        if _AMBIGUOUS.search(location):
            raise BadUrl("a redirect's Location holds characters that parsers disagree about")
        try:
            target = urljoin(self, location)
        except ValueError:  # of brackets, or of characters that become others; its words show the location
            raise BadUrl("a redirect's Location is not a URL") from None
        return Url(target)

    def without_query(self) -> str:
        """The URL for messages: a query may carry signatures or statements."""
        return f"{self._origin}{self._path}"

    def __reduce__(self) -> tuple[type[Url], tuple[str]]:
        return Url, (str(self),)


def segment(text: str) -> str:
    """Quote one path segment, its slashes too.

    Raises
    ------
    BadUrl
        For ``.`` and ``..``, which lead elsewhere however they are quoted.

    Examples
    --------
    >>> segment("a/b c")
    'a%2Fb%20c'
    """
    if text in {".", ".."}:
        raise BadUrl(f"{text!r} is not a name")
    return quote(text, safe="")


def _parse(text: str) -> tuple[Origin, str, str]:
    if _AMBIGUOUS.search(text):
        raise BadUrl("a URL holds no blanks, control characters or backslashes", shown=text)
    try:
        parts = urlsplit(text)
    except ValueError:  # its words may hold a password
        raise BadUrl("this is not a URL", shown=text) from None
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise BadUrl("a URL starts with https:// or http://", shown=text)
    if "@" in parts.netloc:
        # Shown without the URL: what stands before the @ may be a password.
        raise BadUrl("a URL carries no user name or password; give those as a credential")
    if (split := _NETLOC.fullmatch(parts.netloc)) is None:
        raise BadUrl("this is not a host with an optional port", shown=text)
    port = int(split["port"] or DEFAULT_PORTS[scheme])
    if not 0 < port <= _MAX_PORT:
        raise BadUrl("the port is out of range", shown=text)
    host = _host(split["six"] or split["name"], text)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return Origin(scheme, host, port), path, query


def _host(raw: str, text: str) -> str:
    if not raw:
        raise BadUrl("the host is missing", shown=text)
    if "%" in raw:
        raise BadUrl("a host holds no percent signs", shown=text)
    if ":" in raw:
        try:
            return str(ipaddress.IPv6Address(raw))
        except ValueError:
            raise BadUrl("this is not an IPv6 address", shown=text) from None
    host = raw.removesuffix(".").lower()
    if not host.isascii():
        # httpx2 and httpcore2 would encode by IDNA 2008 too; the standard library's own codec (2003) maps some
        # names, such as those with a sharp s, to another owner's domain.
        import idna

        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError as problem:
            raise BadUrl(f"this is not a host name ({problem})", shown=text) from None
    last = host.rpartition(".")[2]
    if last.isdigit() or last.startswith("0x"):
        # 127.1, 2130706433 and 0x7f.1 are addresses to some programs and names to others.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise BadUrl("this is not an IPv4 address in its usual form", shown=text) from None
    if len(host) > _MAX_HOST or not all(_HOST_LABEL.fullmatch(label) for label in host.split(".")):
        raise BadUrl("this is not a host name", shown=text)
    return host
