"""EM observations: one value for many, lists of one length, and servers that have none any more."""

import json
from typing import Any

import numpy as np
import pytest

from skykey.gracedb.exceptions import Gone
from tests.gracedb.scripted import BOTH_FACES, Asker, Gracedb, answer

STARTS = ["2020-01-01T00:00:00", "2020-01-01T00:01:00"]


@BOTH_FACES
@pytest.mark.parametrize(
    ("object_id", "where"), [("G1", "events/G1/emobservation/"), ("S1", "superevents/S1/emobservations/")]
)
def test_one_width_is_not_one_for_all(face: str, object_id: str, where: str) -> None:
    with Gracedb(lambda _: answer({}, 201)) as server:
        Asker(face, server.url).write_emobservation(object_id, "ZTF", [1, 2], 3, (4, 5), [6, 7], STARTS, 8, comment="c")
        assert server.sent == [f"POST {where}"]
    assert server.asked[0].headers["content-type"] == "application/json"
    assert json.loads(server.asked[0].body) == {
        "group": "ZTF",
        "ra_list": [1, 2],
        "ra_width_list": [3, 3],
        "dec_list": [4, 5],
        "dec_width_list": [6, 7],
        "start_time_list": STARTS,
        "duration_list": [8, 8],
        "comment": "c",
    }


def test_single_values_and_numbers_of_numpy_are_a_type_error() -> None:
    with Gracedb(lambda _: answer({}, 201)) as server:
        client = Asker("sync", server.url)
        client.write_emobservation("G1", "ZTF", 1.5, 2, 3, 4, STARTS[0], 5, comment=None)
        numbers = np.array([1.5, 2.5])
        client.write_emobservation("G1", "ZTF", numbers, np.float32(1), numbers, 1, STARTS, np.array([1, 2]))
    first, second = (json.loads(seen.body) for seen in server.asked)
    assert (first["ra_list"], first["start_time_list"], first["comment"]) == ([1.5], STARTS[:1], None)
    assert (second["ra_list"], second["ra_width_list"], second["duration_list"]) == ([1.5, 2.5], [1, 1], [1, 2])


@pytest.mark.parametrize("place", range(6))
def test_lists_of_different_lengths_are_sent(place: int) -> None:
    lists: list[Any] = [[1, 2], [1, 2], [1, 2], [1, 2], STARTS, [1, 2]]
    lists[place] = lists[place][:1]
    with Gracedb() as server, pytest.raises(ValueError, match="should be the same length"):
        Asker("sync", server.url).write_emobservation("G1", "ZTF", *lists)
    assert server.sent == []


def test_a_group_that_is_not_there_is_sent() -> None:
    with Gracedb() as server, pytest.raises(ValueError, match=r"group must be one of ZTF, Test.*\n.*did you mean ZTF"):
        Asker("sync", server.url).write_emobservation("G1", "ztf", 1, 1, 1, 1, STARTS[0], 1)
    assert server.sent == []


@BOTH_FACES
def test_a_server_without_groups_is_a_type_error(face: str) -> None:
    gone = answer({"detail": "This functionality was deprecated."}, 410)
    with Gracedb(lambda _: gone, without=("em-groups",)) as server:
        client = Asker(face, server.url)
        assert client.client.__class__.em_groups.__doc__
        with pytest.raises(Gone, match=r"does not offer this any more.*\n.*deprecated.*\n.*create log G1"):
            client.write_emobservation("G1", "ZTF", 1, 1, 1, 1, STARTS[0], 1)
        with pytest.raises(Gone):
            client.emobservations("S1")
