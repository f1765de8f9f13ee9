"""Labels and tags: unknown names are told apart here, with what was meant."""

import pytest

from skykey.gracedb.checks import UnknownLabel
from skykey.values.errors import UnknownName
from tests.gracedb.scripted import BOTH_FACES, Asker, Gracedb


@BOTH_FACES
@pytest.mark.parametrize("object_id", ["G1", "S1"])
@pytest.mark.parametrize("name", ["labels", "write_label"])
def test_an_unknown_label_is_asked_for(face: str, object_id: str, name: str) -> None:
    with Gracedb() as server:
        client = Asker(face, server.url)
        assert client.labels(object_id).ok
        with pytest.raises(
            NameError, match=r"Label 'INK' does not exist in the database\n.*did you mean INJ"
        ) as caught:
            getattr(client, name)(object_id, "INK")
        assert (len(server.sent), server.roots) == (1, 2)
    assert isinstance(caught.value, UnknownLabel)
    assert isinstance(caught.value, UnknownName)


@BOTH_FACES
def test_a_label_that_is_gone_cannot_be_taken_away(face: str) -> None:
    with Gracedb() as server:
        Asker(face, server.url).remove_label("G1", "OLD")
    assert server.sent == ["DELETE events/G1/labels/OLD"]


def test_an_unknown_label_does_not_survive_a_pickle() -> None:
    import pickle

    again = pickle.loads(pickle.dumps(UnknownLabel("no", next="yes")))
    assert (type(again), str(again)) == (UnknownLabel, "no\nNext: yes")
