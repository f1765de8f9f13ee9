"""The small XML documents of a service (capabilities, jobs), read whole and without what XML lets strangers do.

No document types, so no entities; no more depth and no more elements than such documents have. The size is the
request's cap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from xml.parsers import expat

from skykey.calls.redirects import SEE_OTHER
from skykey.calls.refusals import refuse_page, shortened
from skykey.tables.votable import VOTableBatches
from skykey.values.errors import BadUrl, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from skykey.values.url import Url
    from skykey.wire.request import Head

T = TypeVar("T")

MOST_BYTES: Final = 8 * 2**20
"""Of a document of this kind; it holds no rows."""
_MOST_DEPTH: Final = 50
_MOST_ELEMENTS: Final = 200_000


class BadDocument(ValueError):
    """Not such a document; the text says why."""


@dataclass(slots=True)
class Element:
    """One element.

    Parameters
    ----------
    name
        Without its prefix: services choose prefixes as they like.
    attributes
        Likewise.
    children
        In their order.
    text
        What stands in it beside its children, without blanks around it.
    """

    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> Iterator[Element]:
        """The children of a name."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> Element | None:
        """The first child of a name; None if there is none."""
        return next(self.all(name), None)

    def said(self, name: str) -> str | None:
        """The text of the first child of a name; None if there is none, or nothing in it."""
        found = self.first(name)
        return None if found is None else found.text or None


def parsed(data: bytes) -> Element:
    """Read a document.

    Raises
    ------
    BadDocument
        If it is not well-formed, has a document type, or is built like none of these documents.
    """
    building = _Building()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = building.document_type
    parser.StartElementHandler = building.start
    parser.EndElementHandler = building.stop
    parser.CharacterDataHandler = building.characters
    try:
        parser.Parse(data, True)
    except expat.ExpatError as problem:
        raise BadDocument(f"{expat.ErrorString(problem.code)}, line {problem.lineno}") from None
    return building.root


class _Building:
    """What expat calls."""

    root: Element

    def __init__(self) -> None:
        self._open: list[tuple[Element, list[str]]] = []
        self._count = 0

    def document_type(self, *_: object) -> None:
        raise BadDocument("a document type, which could define anything")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) == _MOST_DEPTH or self._count > _MOST_ELEMENTS:
            raise BadDocument("more elements than such a document has")
        element = Element(_bare(tag), {_bare(name): value for name, value in attributes.items()})
        if self._open:
            self._open[-1][0].children.append(element)
        else:
            self.root = element
        self._open.append((element, []))

    def stop(self, _: str) -> None:
        element, texts = self._open.pop()
        element.text = "".join(texts).strip()

    def characters(self, text: str) -> None:
        self._open[-1][1].append(text)


def _bare(name: str) -> str:
    return name.rpartition(":")[2]


class DocumentReader(Generic[T]):
    """Collect a document and hand it to a function that makes something of it (see `Reader`).

    Parameters
    ----------
    make
        From where it came and the parsed document to the result; it may raise `BadDocument`.
    what
        What was promised, for messages: "a job".
    """

    def __init__(self, make: Callable[[Head, Element], T], what: str) -> None:
        self._make = make
        self._what = what
        self._body = bytearray()
        self._head: Head | None = None

    def head(self, head: Head, /) -> None:
        """See `refuse_page`."""
        self._head = head
        refuse_page(head, self._what)

    def feed(self, chunk: bytes, /) -> tuple[()]:
        """Collect."""
        self._body += chunk
        return ()

    def finish(self) -> T:
        """Parse.

        Raises
        ------
        Unreadable
            If it is something else.
        """
        if self._head is None:
            raise Unreadable("there is no answer")
        try:
            return self._make(self._head, parsed(bytes(self._body)))
        except BadDocument as problem:
            url = self._head.url.without_query()
            message = f"{url} answered with something that is not {self._what} ({shortened(str(problem))})"
            raise Unreadable(message, url=url) from None

    def words(self, head: Head, body: bytes, /) -> str:
        """TAP services refuse in a VOTable, whatever was asked for."""
        return VOTableBatches().words(head, body)


class LeadingReader(Generic[T]):
    """As `DocumentReader`, of a service that answers with the document, or with where it is.

    Parameters
    ----------
    make, what
        As there.
    """

    def __init__(self, make: Callable[[Head, Element], T], what: str) -> None:
        self._reader = DocumentReader(make, what)
        self._what = what
        self._target: Url | None = None

    def head(self, head: Head, /) -> None:
        """Keep where it leads to, by a 303 or a 201; of an answer see `DocumentReader.head`.

        Raises
        ------
        Unreadable
            If that is nowhere.
        """
        location = head.headers.get("location")
        if head.status != SEE_OTHER and location is None:
            self._reader.head(head)
            return
        try:
            target = head.url.resolve(location or "")
        except BadUrl:
            target = None
        if target is None or (head.status != SEE_OTHER and target.origin != head.url.origin):
            url = head.url.without_query()
            raise Unreadable(f"{url} names an address where {self._what} cannot be", url=url)
        self._target = target

    def feed(self, chunk: bytes, /) -> Sequence[object]:
        """Collect."""
        return self._reader.feed(chunk)

    def finish(self) -> T | Url:
        """The document, or its address.

        Raises
        ------
        Unreadable
            As `DocumentReader.finish`.
        """
        return self._reader.finish() if self._target is None else self._target

    def words(self, head: Head, body: bytes, /) -> str:
        """See `DocumentReader.words`."""
        return self._reader.words(head, body)
