"""What programs set on a session of ``requests``: honoured nowhere, and never ignored in silence.

Reading gives what is so; setting anything else is an error that says what to do in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, overload

from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRUST: Final = "set SSL_CERT_FILE to a bundle that holds the authority, if you trust it"
_PROXY: Final = "set HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
_CREDENTIAL: Final = "give the constructor cred, or put a token where it is found: skykey why gracedb"
_COOKIE: Final = "credentials go along by themselves; a header: client.headers['Cookie'] = …"
_HOOK: Final = "look at what the method returns"
_ADAPTER: Final = "the constructor takes retries, retry_codes, allowed_methods, backoff_factor and timeout"


class Fixed(dict[str, Any]):
    """A table that looks as it does in ``requests``, and refuses changes.

    Parameters
    ----------
    name, advice
        For the refusal.
    given
        What is in it.
    """

    def __init__(self, name: str, advice: str, given: Mapping[str, Any] | None = None) -> None:
        super().__init__(given or {})
        self._name, self._advice = name, advice

    def __setitem__(self, key: str, value: Any, /) -> NoReturn:
        raise _not_here(self._name, self._advice)

    def setdefault(self, key: str, default: Any = None, /) -> NoReturn:
        """Refuse."""
        raise _not_here(self._name, self._advice)

    def update(self, *given: Any, **more: Any) -> None:
        """Refuse, unless it changes nothing."""
        for key, value in dict(*given, **more).items():
            self[key] = value


class Fact:
    """An attribute that is as it is.

    Parameters
    ----------
    value
        What it is.
    advice
        What to do in place of setting it.
    """

    def __init__(self, value: Any, advice: str) -> None:
        self.value = value
        self.advice = advice

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, obj: None, owner: type[Any], /) -> Self: ...
    @overload
    def __get__(self, obj: object, owner: type[Any], /) -> Any: ...
    def __get__(self, obj: Any, owner: type[Any], /) -> Any:
        if obj is None:
            return self
        return Fixed(self._name, self.advice, self.value) if isinstance(self.value, dict) else self.value

    def __set__(self, obj: object, value: Any) -> None:
        self.check(value)

    def check(self, value: Any) -> None:
        """Refuse a value that would change something.

        Raises
        ------
        UsageError
            If it would.
        """
        if value is None or value == self.value or (not value and not isinstance(value, bool) and not self.value):
            return
        raise _not_here(self._name, self.advice)


class SessionAttributes:
    """The attributes of a session that a GraceDB client has without being one."""

    verify = Fact(value=True, advice=_TRUST)
    proxies = Fact({}, _PROXY)
    cookies = Fact({}, _COOKIE)
    hooks = Fact({"response": []}, _HOOK)
    auth = Fact(None, _CREDENTIAL)
    cert = Fact(None, _CREDENTIAL)
    token = Fact(None, _CREDENTIAL)
    params = Fact({}, "give each request its params")
    stream = Fact(value=False, advice="client.get_file(url) reads a file while it comes")
    trust_env = Fact(value=True, advice=_PROXY)
    adapters = Fact({}, _ADAPTER)

    def mount(self, prefix: str, adapter: object) -> NoReturn:
        """Refuse: there are no adapters.

        Raises
        ------
        UsageError
            Always.
        """
        del prefix, adapter
        raise _not_here("mount", _ADAPTER)

    def get_adapter(self, url: str) -> NoReturn:
        """Refuse: there are no adapters.

        Raises
        ------
        UsageError
            Always.
        """
        del url
        raise _not_here("get_adapter", _ADAPTER)

    def _refuse(self, **given: Any) -> None:
        """See that arguments of a request change nothing that cannot be changed."""
        for name, value in given.items():
            fact: Fact = getattr(SessionAttributes, name)
            fact.check(value)


def _not_here(name: str, advice: str) -> UsageError:
    return UsageError(f"this client cannot honour {name}", next=advice)
