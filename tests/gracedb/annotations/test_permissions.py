"""Permissions: of superevents, with two actions."""

import pytest

from tests.gracedb.scripted import BOTH_FACES, Asker, Gracedb


@BOTH_FACES
def test_an_event_is_asked_for_permissions(face: str) -> None:
    with Gracedb() as server:
        client = Asker(face, server.url)
        with pytest.raises(NotImplementedError, match="Not implemented for events"):
            client.permissions("G1")
        with pytest.raises(NotImplementedError, match="Not implemented for events"):
            client.modify_permissions("G1", "hide")
    assert server.sent == []


@BOTH_FACES
@pytest.mark.parametrize("object_id", ["G1", "S1"])
def test_another_action_is_sent(face: str, object_id: str) -> None:
    with Gracedb() as server, pytest.raises(ValueError, match="action should be 'expose' or 'hide'"):
        Asker(face, server.url).modify_permissions(object_id, "show")
    assert server.sent == []
