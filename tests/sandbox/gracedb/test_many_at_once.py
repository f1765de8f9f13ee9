"""Many writers at one time, with faults of the wire: each entry that was answered is there once, in one order."""

import http.client
import json
import threading
from typing import Any

import pytest

from skykey.sandbox import Box


def test_entries_of_many_writers_have_numbers_without_gaps(api: Any, box: Box, event: Any) -> None:
    name = event()
    path = f"events/{name}/log/"
    made: dict[str, int] = {}

    def write(writer: int) -> None:
        for n in range(25):
            comment = f"{writer}-{n}"
            files = {"upload": ("same.txt", comment.encode())} if n % 5 == 0 else None
            answer = api(path, "POST", {"comment": comment}, files=files)
            assert answer.status == 201, answer.body
            made[comment] = answer.json["N"]

    threads = [threading.Thread(target=write, args=[writer]) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    box.controls.gracedb_restart()
    logs = api(path).json["logs"]
    assert [log["N"] for log in logs] == list(range(1, 202))
    assert {log["comment"]: log["N"] for log in logs[1:]} == made
    versions = {log["comment"]: log["file_version"] for log in logs[1:] if log["filename"]}
    assert sorted(versions.values()) == list(range(40))
    for comment in list(versions)[::7]:
        assert api(f"events/{name}/files/same.txt,{versions[comment]}").body == comment.encode()


def test_a_request_that_a_fault_answers_has_done_nothing_and_one_whose_answer_broke_has(
    api: Any, box: Box, event: Any
) -> None:
    path = f"events/{event()}/log/"
    box.controls.fault("status", status=502, service="gracedb")
    assert api(path, "POST", {"comment": "refused"}).status == 502
    box.controls.fault("truncate", service="gracedb", after=0)
    with pytest.raises(http.client.IncompleteRead):
        api(path, "POST", {"comment": "done"})
    assert [log["comment"] for log in api(path).json["logs"]][1:] == ["done"]


def test_superevents_made_at_once_have_names_of_their_own(api: Any, event: Any) -> None:
    names, events = [], [event() for _ in range(8)]

    def make(preferred: str) -> None:
        sent = {"t_start": 1_290_000_000, "t_0": 1_290_000_001, "t_end": 1_290_000_002, "category": "T"}
        names.append(api("superevents/", "POST", sent | {"preferred_event": preferred}).json["superevent_id"])

    threads = [threading.Thread(target=make, args=[name]) for name in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names) == [f"TS201121{letter}" for letter in "abcdefgh"]


def test_a_reserved_id_is_filled_once(api: Any) -> None:
    name = api("events/reserve/", "POST", {"group": "Test", "pipeline": "CWB"}).json["graceid"]
    statuses = []

    def fill(n: int) -> None:
        files = {"eventFile": ("b.txt", f"time: {1_300_000_000 + n}\n".encode() + b"x: 1\n" * 100_000)}
        statuses.append(api(f"events/{name}/upload/", "POST", {}, files=files).status)

    threads = [threading.Thread(target=fill, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [400] * 7
    assert api(f"events/{name}/log/").json["numRows"] == 1


def test_notices_of_many_writers_have_numbers_and_files_of_their_own(api: Any, superevent: Any) -> None:
    name, made = superevent(), {}

    def write(writer: int) -> None:
        for n in range(5):
            content = json.dumps({"alert_type": "UPDATE", "superevent_id": name, "by": [writer, n]}).encode()
            answer = api(f"superevents/{name}/notices/", "POST", files={"upload": ("x", content)})
            made[answer.json["links"]["file"]] = content, answer.json["N"]

    threads = [threading.Thread(target=write, args=[writer]) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(n for _, n in made.values()) == list(range(1, 41))
    assert all(api(url).body == content for url, (content, _) in made.items())
