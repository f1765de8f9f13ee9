"""GWTC catalogues: which superevents are in which version of one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from skykey.calls.faces import method
from skykey.calls.items import Passed, collected, items
from skykey.gracedb.exceptions import WrongType
from skykey.gracedb.searching import Row, SearchingFlows
from skykey.values.errors import Unreadable, UsageError

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response


class CatalogFlows(SearchingFlows):
    """Making and reading catalogues."""

    @method
    def gwtc_create(self, smap: Any, number: str, comment: str | None = None) -> Flow[Response]:
        """Make the next version of a catalogue (``POST gwtc/``). It is never sent twice.

        Parameters
        ----------
        smap
            Superevents and what belongs to them: a dictionary, or the path of a file of JSON.
        number
            Of the catalogue, as text: ``"4"``.
        comment
            What there is to say about it.

        Returns
        -------
        Response
            201 with the catalogue.

        Raises
        ------
        UsageError
            For what is neither, and a number that is no text.
        NotOffered
            If the server has no catalogues; also a ``NotImplementedError``.
        OutcomeUnknown
            If it is not known whether there is a new version; it says how to check.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.gwtc_create({"S190425z": {"pipelines": {"gstlal": "G1234"}}}, "4")  # doctest: +SKIP
        """
        content = _content(smap)
        _check_number(number, '"number"')
        url = yield from self._listing("gwtc")
        document = {"number": number, "smap": content, "comment": comment}
        check = f"skykey gracedb gwtc get {number} latest"
        return (yield from self._send("POST", url, json=document, doing=f"making GWTC-{number}", check=check))

    @method
    def gwtc_get(self, number: str, version: int | str) -> Flow[Response]:
        """Read one version of a catalogue (``GET gwtc/{number}/{version}/``).

        Parameters
        ----------
        number
            Of the catalogue, as text.
        version
            From 1 on, or ``"latest"``.

        Returns
        -------
        Response
            ``number``, ``version``, ``created``, ``submitter``, ``gwtc_superevents``, ``comment``.

        Raises
        ------
        UsageError
            For a number or a version that is none.
        MissingTemplate
            If the server has no catalogues; also a ``NotImplementedError``.
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.gwtc_get("4", "latest").json()["gwtc_superevents"]  # doctest: +SKIP
        """
        if not number or not (version or version == 0):
            raise UsageError("both a number and a version must be supplied to gwtc_get")
        _check_number(number)
        if version != "latest" and (not isinstance(version, int) or isinstance(version, bool) or version < 1):
            raise UsageError("version must be a positive integer or 'latest'")
        url = yield from self._url("gwtc-version-detail", number=number, version=version)
        return (yield from self._send("GET", url, doing=f"reading version {version} of GWTC-{number}"))

    @items
    def gwtc_list(self, number: str | None = None) -> Flow[Passed[Row]]:
        """List the versions of a catalogue (``GET gwtc/{number}/``), or of all of them (``GET gwtc/``), page by page.

        Parameters
        ----------
        number
            Of a catalogue, as text; None for all.

        Returns
        -------
        generator of dict
            Asynchronous clients give an asynchronous generator. Nothing is asked before its first catalogue.

        Raises
        ------
        UsageError
            For a number that is no text.
        NotOffered, MissingTemplate
            If the server has no catalogues; also a ``NotImplementedError``.
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.
        Unreadable
            If the pages lead in a circle.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> [catalogue["version"] for catalogue in client.gwtc_list("4")]  # doctest: +SKIP
        """
        if number is None:
            url = yield from self._listing("gwtc")
        else:
            _check_number(number)
            url = yield from self._url("gwtc-number-list", number=number)
        return (yield from self._pages(url, "results", lambda page, _: page.get("next")))

    @method
    def gwtc_numbers(self) -> Flow[list[str]]:
        """The numbers of all catalogues, each once.

        Returns
        -------
        list
            In the server's order.

        Raises
        ------
        NotOffered, HTTPError, TransportError, IgwnAuthError, Unreadable
            As `gwtc_list`.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.gwtc_numbers()  # doctest: +SKIP
        """
        return list(dict.fromkeys(_values((yield from collected(self.gwtc_list())), "number")))

    @method
    def gwtc_versions(self, number: str = "4") -> Flow[list[int]]:
        """All versions of a catalogue.

        Parameters
        ----------
        number
            Of the catalogue, as text.

        Returns
        -------
        list
            In the server's order.

        Raises
        ------
        UsageError, MissingTemplate, HTTPError, TransportError, IgwnAuthError, Unreadable
            As `gwtc_list`.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.gwtc_versions("4")  # doctest: +SKIP
        """
        return _values((yield from collected(self.gwtc_list(number))), "version")


def _content(smap: Any) -> dict[str, Any]:
    if isinstance(smap, dict):
        return smap
    if not isinstance(smap, str | os.PathLike):
        raise WrongType("smap must be a string indicating a json filename or a dictionary")
    import json
    from pathlib import Path

    from skykey.gracedb.uploads import readable

    with readable(Path(smap)) as file:
        try:
            found = json.loads(file.read())
        except (ValueError, RecursionError):
            found = None
    if not isinstance(found, dict):
        raise UsageError(f"the file {str(smap)!r} holds no object of JSON")
    return found


def _check_number(number: Any, argument: str = "number") -> None:
    if not isinstance(number, str):
        raise WrongType(f"{argument} must be a str, not {type(number)}", next=f"give {str(number)!r}")


def _values(found: list[Row], key: str) -> list[Any]:
    if not all(key in row for row in found):
        raise Unreadable(f"the server's catalogue has no {key}")
    return [row[key] for row in found]
