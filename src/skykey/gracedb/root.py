"""The API root: what a server offers, and under which URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from skykey.values.errors import BadUrl, OutOfReach, SkykeyError, Unreadable, UsageError
from skykey.values.url import Url

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACEHOLDER: Final = re.compile(r"\{(\w{1,60})\}")
# Without these the URL is that of the list.
_MAY_BE_EMPTY: Final = frozenset({"filename", "label"})


class BadVersion(UsageError):
    """The server does not have the version of the API that was asked for."""

    code = "api-version"

    @classmethod
    def among(cls, versions: Sequence[str] | None) -> BadVersion:
        """With those that there are; None if the server knows no versions."""
        if versions is None:
            return cls("This server has no versioned API", next="leave the version of the API away")
        return cls(f"Bad API version. Available versions for this server are: {list(versions)}")


class MissingTemplate(SkykeyError, NotImplementedError):
    """The server does not say where to ask for this: it cannot do it.

    Parameters
    ----------
    key
        Of the template that the API root lacks.
    """

    code = "not-offered"
    __str__ = SkykeyError.__str__

    def __init__(self, key: str) -> None:
        super().__init__(
            f"this server does not offer that: its API root has no {key}",
            next="skykey gracedb info server_version tells which server this is; api_version may choose another API",
        )
        self.key = key

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.key,), self.__dict__


class Filled(Url):
    """A URL made of a template, which a newer root may have elsewhere.

    Attributes
    ----------
    key, values
        The template, and what stands in it.
    """

    __slots__ = ("key", "values")

    key: str
    values: Mapping[str, object]

    @classmethod
    def of(cls, url: Url, key: str, values: Mapping[str, object]) -> Filled:
        """With where it comes from."""
        made = cls(url)
        made.key, made.values = key, values
        return made


@dataclass(frozen=True)
class Root:
    """One server's API root.

    Parameters
    ----------
    info
        The document. It must not be changed.
    url
        Where it is from.
    asked
        When it was asked for: wall-clock seconds since 1970.
    is_new
        Whether that was for the sake of whoever has it now.
    """

    info: dict[str, Any]
    url: Url
    asked: float = 0.0
    is_new: bool = False

    def get(self, key: str) -> Any:
        """What stands under a key; None where nothing does."""
        return self.info.get(key)

    def named(self, key: str) -> frozenset[str]:
        """The names in a list, or the keys and values of a table, of the root; empty where there is none."""
        match self.get(key):
            case Mapping() as table:
                return frozenset(map(str, table)) | frozenset(map(str, table.values()))
            case [*several]:
                return frozenset(map(str, several))
            case _:
                return frozenset()

    def link(self, name: str) -> Url | None:
        """One of its links; None where there is none.

        Raises
        ------
        OutOfReach
            If it leads to another server.
        """
        links = self.get("links")
        found = links.get(name) if isinstance(links, dict) else None
        return None if not isinstance(found, str) else self._own(found, f"link {name}")

    def template(self, key: str) -> str | None:
        """One of its templates, not filled in."""
        templates = self.get("templates")
        found = templates.get(key) if isinstance(templates, dict) else None
        return found if isinstance(found, str) else None

    def filled(self, key: str, values: Mapping[str, object]) -> Filled | None:
        """A template with values in its placeholders; None where there is no such template.

        Raises
        ------
        UsageError
            If a value is missing, or would lead elsewhere.
        OutOfReach
            If it leads to another server.
        """
        template = self.template(key)
        if template is None:
            return None

        def fill(placeholder: re.Match[str]) -> str:
            return _quoted(key, placeholder[1], values.get(placeholder[1]))

        return Filled.of(self._own(_PLACEHOLDER.sub(fill, template), f"template {key}"), key, values)

    def _own(self, text: str, what: str) -> Url:
        try:
            url = Url(text)
        except BadUrl:
            where = self.url.without_query()
            raise Unreadable(f"the {what} of {where} is not a URL", url=where) from None
        if url.origin != self.url.origin:
            raise OutOfReach(f"the {what} of {self.url.origin} leads to {url.origin}, where its requests do not go")
        return url


def _quoted(template: str, name: str, value: object) -> str:
    """One segment of a path; commas stay, because they stand before the versions of files."""
    if value is None:
        raise UsageError(f"the template {template} wants a {name}")
    text = str(value)
    if text in {".", ".."} or (not text and name not in _MAY_BE_EMPTY):
        raise UsageError(f"{text!r} is no {name}")
    return quote(text, safe=",")
