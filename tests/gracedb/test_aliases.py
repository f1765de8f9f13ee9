"""The old names of methods: they warn at the line that uses them, and do the same."""

import asyncio
import inspect
import warnings

import pytest

from skykey.gracedb.aliases import Aliases
from skykey.gracedb.rest import AsyncGraceDb, GraceDb
from tests.gracedb.scripted import Gracedb, answer

# As the documented client has them.
OLD = {
    "addEventToSuperevent": "add_event_to_superevent",
    "addTag": "add_tag",
    "createEvent": "create_event",
    "createSuperevent": "create_superevent",
    "createVOEvent": "create_voevent",
    "numEvents": "num_events",
    "removeEventFromSuperevent": "remove_event_from_superevent",
    "removeLabel": "remove_label",
    "removeTag": "remove_tag",
    "replaceEvent": "replace_event",
    "updateSuperevent": "update_superevent",
    "writeEMObservation": "write_emobservation",
    "writeLabel": "write_label",
    "writeLog": "write_log",
}


def test_an_old_name_is_missing() -> None:
    assert {name for name in vars(Aliases) if not name.startswith("_")} == set(OLD)


@pytest.mark.parametrize(("old", "new"), list(OLD.items()))
def test_an_old_name_does_something_else(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GraceDb, new, lambda self, *given, **more: (given, more))
    client = GraceDb(force_noauth=True)
    words = f"Method {old} has been replaced by {new}, and will be deprecated in a future release"
    with pytest.warns(DeprecationWarning, match=old) as said:
        assert getattr(client, old)(1, two=2) == ((1,), {"two": 2})
    assert [(str(each.message), each.filename) for each in said] == [(words, __file__)]


def test_an_old_name_is_no_coroutine() -> None:
    with Gracedb(lambda _: answer({}, 201)) as server:
        client = AsyncGraceDb(server.url, force_noauth=True)

        async def main() -> int:
            with pytest.warns(DeprecationWarning, match="writeLog"):
                coming = client.writeLog("G1", "hi")
            assert inspect.isawaitable(coming)
            return int((await coming).status)

        assert asyncio.run(main()) == 201


def test_an_old_name_warns_without_being_called() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "write_log" in str(GraceDb(force_noauth=True).writeLog.__doc__)
        assert GraceDb.writeLog.__name__ == "writeLog"
