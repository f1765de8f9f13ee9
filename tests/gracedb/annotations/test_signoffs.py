"""Signoffs: codes and names in any case, on servers with and without a list of instruments."""

from typing import Any

import pytest

from skykey.values.errors import UnknownName, UsageError
from tests.gracedb.scripted import BOTH_FACES, Asker, Gracedb, answer, form

CALLS: list[tuple[str, tuple[Any, ...]]] = [
    ("signoffs", ("G1",)),
    ("create_signoff", ("G1", "ADV", "OK", "c")),
    ("update_signoff", ("G1", "ADV", "OK")),
    ("delete_signoff", ("G1", "ADV")),
]


@BOTH_FACES
@pytest.mark.parametrize(("name", "given"), CALLS)
def test_an_event_is_asked_for_signoffs(face: str, name: str, given: tuple[Any, ...]) -> None:
    with Gracedb() as server, pytest.raises(NotImplementedError, match="Not yet implemented for events"):
        getattr(Asker(face, server.url), name)(*given)
    assert server.sent == []


@BOTH_FACES
@pytest.mark.parametrize(
    ("kind", "instrument", "words"),
    [
        ("operator", "", "Operator signoffs require an instrument"),
        ("x", "", "signoff_type must be one of: OP .operator., ADV .advocate."),
        ("OP", "X1", "instrument must be one of: H1 .LHO."),
        ("OP", "Vrgo", "did you mean Virgo"),
    ],
)
def test_a_signoff_that_cannot_be_is_asked_for(face: str, kind: str, instrument: str, words: str) -> None:
    with Gracedb() as server:
        client = Asker(face, server.url)
        for name, more in (("signoffs", ()), ("create_signoff", ("OK", "c")), ("delete_signoff", ())):
            with pytest.raises(UsageError, match=words):
                getattr(client, name)("S1", kind, *more, instrument=instrument)
        with pytest.raises(UsageError, match=words):
            client.update_signoff("S1", kind, comment="c", instrument=instrument)
        assert server.sent == []


@pytest.mark.parametrize("status", ["X", "OKEY", ""])
def test_a_status_that_cannot_be_is_sent(status: str) -> None:
    with Gracedb() as server, pytest.raises(UnknownName, match=r"status must be one of: OK .OKAY., NO .NOT OKAY."):
        Asker("sync", server.url).create_signoff("S1", "ADV", status, "c")
    assert server.sent == []


@pytest.mark.parametrize("more", [{}, {"status": ""}, {"comment": ""}])
def test_no_change_is_sent(more: dict[str, str]) -> None:
    with Gracedb() as server, pytest.raises(ValueError, match="Provide at least one of 'status' or 'comment'"):
        Asker("sync", server.url).update_signoff("S1", "ADV", **more)
    assert server.sent == []


@BOTH_FACES
@pytest.mark.parametrize(("given", "code"), [("H1", "H1"), ("lho", "H1"), ("virgo", "V1"), ("K1", "K1")])
def test_a_server_without_instruments_is_a_type_error(face: str, given: str, code: str) -> None:
    with Gracedb(lambda _: answer({}, 201), without=("instruments",)) as server:
        client = Asker(face, server.url)
        client.signoffs("S1", "OP", given)
        client.create_signoff("S1", "operator", "OK", "c", given)
    assert server.sent == [f"GET superevents/S1/signoffs/OP{code}/", "POST superevents/S1/signoffs/"]
    assert form(server.asked[1])["instrument"] == [code]


def test_a_list_that_the_server_does_not_have_any_more_is_believed() -> None:
    with Gracedb(lambda _: answer({}, 201)) as server:
        Asker("sync", server.url).ping()
        server.without = ("instruments",)
        Asker("sync", server.url).create_signoff("S1", "OP", "OK", "c", instrument="K1")
        assert form(server.asked[-1])["instrument"] == ["K1"]
