"""VOEvents: types by code or name, and what the documented client refuses."""

from typing import Any

import pytest

from skykey.gracedb.exceptions import Gone
from tests.gracedb.scripted import BOTH_FACES, Asker, Gracedb, answer, form


@BOTH_FACES
@pytest.mark.parametrize(
    ("kind", "more", "code"),
    [
        ("IN", {"skymap_filename": "s.fits", "skymap_type": "x"}, "IN"),
        ("Update", {"combined_skymap_filename": "c"}, "UP"),
    ],
)
def test_a_type_is_not_understood(face: str, kind: str, more: dict[str, Any], code: str) -> None:
    with Gracedb(lambda _: answer({}, 201)) as server:
        Asker(face, server.url).create_voevent("G1", kind, **more)
        assert server.sent == ["POST events/G1/voevent/"]
    fields = form(server.asked[0])
    assert fields["voevent_type"] == [code]
    assert {name: fields[name] for name in more} == {name: [value] for name, value in more.items()}


@BOTH_FACES
@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [
        ("initial", {}, "Skymap file is required for 'initial' VOEvents"),
        ("XX", {}, "voevent_type must be one of: PR .preliminary."),
        ("preliminry", {}, "did you mean preliminary"),
        (3, {}, "should be a string"),
        ("PR", {"MassGap": 0.1}, '"MassGap" parameter has been replaced by HasMassGap'),
        ("PR", {"MassGap": 0.0}, '"MassGap" parameter has been replaced by HasMassGap'),
    ],
)
def test_what_cannot_be_right_is_sent(face: str, kind: Any, more: dict[str, Any], words: str) -> None:
    with Gracedb() as server, pytest.raises(ValueError, match=words):
        Asker(face, server.url).create_voevent("S1", kind, **more)
    assert server.sent == []


def test_a_server_that_makes_none_any_more_says_so_in_its_own_words_only() -> None:
    with (
        Gracedb(lambda _: answer("deprecated", 410)) as server,
        pytest.raises(Gone, match="skykey gracedb list notices S1"),
    ):
        Asker("sync", server.url).create_voevent("S1", "PR")
