"""A login that buys tokens: which secret is shown, which one stays, and what is said when it cannot last."""

import json
from dataclasses import replace
from typing import Any

import pytest

from skykey.credentials.credential import Bearer
from skykey.credentials.grants.jwt_bearer import GRANT_TYPE, delegation_fields
from skykey.credentials.grants.refresh_token import RefreshToken
from skykey.credentials.grants.retries import Retries
from skykey.credentials.grants.token_endpoint import Encoding
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.testing import Canary
from skykey.testing.clock import FakeClock
from skykey.values.errors import GrantRefused, Interrupted, Overloaded, Redirected, SkykeyError, Unavailable, Unreadable
from skykey.values.life import Life
from skykey.values.secret import Secret
from tests.credentials.grants.asking import (
    OTHER,
    REACH,
    REMEDY,
    SECRET,
    TOKEN,
    asking,
    endpoint,
    fields,
    granted,
    in_turn,
    lost_within,
    raised,
    refused,
)
from tests.wire.server import Answer, Seen, Server, reply, serving

KEPT, GIVEN, NEW = SECRET, OTHER, "rt-Jx1/q+Ee9=Mo5zI2gUw8Ab3RsTn"


def login(server: Server, *, given: str | None = None, **more: Any) -> RefreshToken:
    asked = endpoint(server, retries=Retries(total=more.pop("repeats", 0)))
    known = {"client_id": "c", "scope": "a b"} if "fields" not in more else more.pop("fields")
    return RefreshToken(asked, known, REACH, "the login of ada", given=None if given is None else Secret(given), **more)


def held(renewal: str | None = KEPT, token: str = "an-old-token") -> Held[Bearer]:
    return Held(
        Bearer(Secret(token), REACH, Life(0, 1)), "the login of ada", None if renewal is None else Secret(renewal)
    )


def shown(server: Server) -> list[str]:
    """The secrets that the issuer was shown, in order."""
    return [fields(seen)["refresh_token"] for seen in server.seen]


# -- what is sent


def test_a_renewal_is_the_standards_form() -> None:
    with serving(lambda _: granted()) as server:
        found = login(server).obtain(held(), asking())
        assert [fields(seen) for seen in server.seen] == [
            {"grant_type": "refresh_token", "client_id": "c", "scope": "a b", "refresh_token": KEPT}
        ]
    assert found.credential.token == Secret(TOKEN)
    assert (found.credential.reach, found.source) == (REACH, "the login of ada")


def test_the_legacy_client_is_delegated_to_itself() -> None:
    with serving(lambda _: granted()) as server:
        login(server, fields=delegation_fields("legacy", ("openid", "offline_access"))).obtain(held(), asking())
        assert [fields(seen) for seen in server.seen] == [
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "client_id": "legacy",
                "target": "legacy",
                "api_type": "app",
                "scope": "openid offline_access",
                "refresh_token": KEPT,
            }
        ]
    assert delegation_fields("legacy", ())["grant_type"] == GRANT_TYPE


def test_fields_that_are_secret_are_sent_and_not_repeated() -> None:
    with serving(lambda seen: refused(error_description=f"who is {fields(seen)['client_secret']}")) as server:
        asked = login(server, fields={"client_id": "c", "client_secret": Secret(OTHER)})
        problem = raised(lambda: asked.obtain(held(), asking()), GrantRefused)
        assert fields(server.seen[0])["client_secret"] == OTHER
    assert problem.words == "who is <secret>"


# -- which secret


@pytest.mark.parametrize("latest", [None, held(None)], ids=["nothing held", "held without one"])
def test_nobody_who_is_not_logged_in_asks_the_issuer(latest: Held[Bearer] | None) -> None:
    with serving(lambda _: granted()) as server:
        problem = raised(lambda: login(server).obtain(latest, asking()), Unavailable)
        raised(lambda: login(server, given="").obtain(latest, asking()), Unavailable)
        assert server.seen == []
    assert problem.next == REMEDY


def test_a_secret_that_was_given_buys_the_first_token() -> None:
    with serving(lambda _: granted()) as server:
        found = login(server, given=GIVEN).obtain(None, asking())
        assert shown(server) == [GIVEN]
    assert found.renewal == Secret(GIVEN)


def test_what_was_kept_goes_before_what_was_given() -> None:
    """It is the newer one: the issuer has replaced the given one since."""
    with serving(lambda _: granted()) as server:
        found = login(server, given=GIVEN).obtain(held(), asking())
        assert shown(server) == [KEPT]
    assert found.renewal == Secret(KEPT)


def test_a_login_that_died_makes_place_for_the_one_that_was_given_since() -> None:
    with serving(in_turn(refused(), granted())) as server:
        found = login(server, given=GIVEN).obtain(held(), asking())
        assert shown(server) == [KEPT, GIVEN]
    assert found.renewal == Secret(GIVEN)


def test_two_dead_logins_are_one_refusal() -> None:
    answer = in_turn(refused("invalid_grant"), refused("unauthorized_client"))
    with serving(answer) as server:
        problem = raised(lambda: login(server, given=GIVEN).obtain(held(), asking()), GrantRefused)
        assert shown(server) == [KEPT, GIVEN]
    assert problem.error == "unauthorized_client"
    assert problem.next == REMEDY


def test_the_same_secret_is_not_tried_twice() -> None:
    with serving(lambda _: refused()) as server:
        raised(lambda: login(server, given=KEPT).obtain(held(), asking()), GrantRefused)
        assert shown(server) == [KEPT]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(503), Overloaded),
        (reply(302, "", Location="/"), Redirected),
        (reply(200, "<html>"), Unreadable),
        (None, Interrupted),
    ],
)
def test_what_is_no_refusal_does_not_use_up_the_other_secret(answer: Answer, kind: type[SkykeyError]) -> None:
    with serving(lambda _: answer) as server:
        raised(lambda: login(server, given=GIVEN).obtain(held(), asking()), kind)
        assert shown(server) == [KEPT]


# -- rotation


def test_a_secret_that_the_issuer_replaced_is_the_next_one() -> None:
    with serving(lambda _: granted(refresh_token=NEW)) as server:
        found = login(server).obtain(held(), asking())
        login(server).obtain(found, asking())
        assert shown(server) == [KEPT, NEW]


@pytest.mark.parametrize("answer", [{}, {"refresh_token": None}, {"refresh_token": ""}, {"refresh_token": 7}], ids=str)
def test_a_secret_that_was_not_replaced_stays(answer: dict[str, object]) -> None:
    with serving(lambda _: granted(**answer)) as server:
        assert login(server).obtain(held(), asking()).renewal == Secret(KEPT)


def test_over_many_renewals_no_secret_is_shown_twice() -> None:
    clock, count = FakeClock(hasty=True), iter(range(1, 100))
    with serving(lambda _: granted(f"token-{next(count)}", refresh_token=f"renewal-{next(count)}")) as server:
        keeper = Keeper(login(server, given="renewal-0"), clock=clock)
        for _ in range(5):
            keeper.get()
            clock.advance(3600)
        assert shown(server) == ["renewal-0", "renewal-2", "renewal-4", "renewal-6", "renewal-8"]


def test_an_answer_that_was_lost_is_asked_for_with_the_same_secret() -> None:
    """There is no other one: issuers forgive it for a while, and say no if they do not."""
    with serving(in_turn(lost_within, granted(refresh_token=NEW))) as server:
        found = login(server, repeats=1).obtain(held(), asking())
        assert shown(server) == [KEPT, KEPT]
    assert found.renewal == Secret(NEW)


def test_a_renewal_secret_of_strange_characters_can_be_shown_again() -> None:
    strange = "two\nlines ü & = + % \U0001f41f"
    with serving(lambda _: granted(refresh_token=strange)) as server:
        found = login(server).obtain(held(), asking())
        login(server).obtain(found, asking())
        assert shown(server) == [KEPT, strange]


def test_a_damaged_renewal_secret_is_for_the_issuer_to_refuse() -> None:
    """Encoding it must not fail: that error would carry the whole form."""
    with serving(in_turn(granted(refresh_token="a\ud800b"), refused(), granted())) as server:
        found = login(server).obtain(held(), asking())
        assert found.renewal == Secret("a\ud800b")
        raised(lambda: login(server).obtain(found, asking()), GrantRefused)
        asked = replace(login(server), endpoint=replace(login(server).endpoint, encoding=Encoding.JSON))
        asked.obtain(found, asking())
        assert json.loads(server.seen[2].body)["refresh_token"] == "a\ud800b"


def test_the_same_token_again_keeps_its_age() -> None:
    with serving(lambda _: granted("an-old-token")) as server:
        found = login(server).obtain(held(), asking())
    assert found.credential.life.born == 0


# -- a secret that cannot last


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "skykey.credentials"]


def test_a_replaced_secret_that_ends_with_the_process_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    count = iter(range(100))
    with serving(lambda _: granted(refresh_token=f"{NEW}-{next(count)}")) as server:
        asked = login(server, given=GIVEN, lasts=False)
        found = asked.obtain(None, asking())
        for _ in range(3):
            found = asked.obtain(found, asking())
    (warning,) = warnings(caplog)
    assert warning == (
        "the issuer has replaced the renewal secret of the login of ada; the new one lives in this process's memory"
        f" only. To keep it, log in: {REMEDY}"
    )
    assert Canary.of(GIVEN, NEW, TOKEN).hits(caplog.text) == []


def test_no_remedy_is_made_up(caplog: pytest.LogCaptureFixture) -> None:
    with serving(lambda _: granted(refresh_token=NEW)) as server:
        asked = login(server, given=GIVEN, lasts=False)
        replace(asked, endpoint=replace(asked.endpoint, remedy=None)).obtain(None, asking())
    (warning,) = warnings(caplog)
    assert warning.endswith("this process's memory only")


@pytest.mark.parametrize(
    ("answer", "lasts"), [({"refresh_token": NEW}, True), ({"refresh_token": GIVEN}, False), ({}, False)]
)
def test_nothing_is_said_where_nothing_is_lost(
    answer: dict[str, object], lasts: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(lambda _: granted(**answer)) as server:
        login(server, given=GIVEN, lasts=lasts).obtain(None, asking())
    assert warnings(caplog) == []


# -- through a keeper


def test_nothing_local_says_that_it_changed() -> None:
    with serving(lambda _: granted()) as server:
        assert not login(server).changed(held())
        assert login(server).keeping is Keeping.STORED


@pytest.mark.parametrize("status", [400, 500, None])
def test_no_failed_renewal_shows_a_secret(status: int | None) -> None:
    def repeats(seen: Seen) -> Answer:
        if status is None:
            return lost_within(seen)
        return reply(status, fields(seen)["refresh_token"], Content_Type="text/plain")

    with serving(repeats) as server:
        raised(lambda: login(server, given=GIVEN).obtain(held(), asking()), SkykeyError)
        keeper = Keeper(login(server, given=GIVEN), clock=FakeClock(hasty=True))
        raised(keeper.get, SkykeyError)
    assert Canary.of(KEPT, GIVEN).hits(repr(keeper.trace().attempts)) == []


def test_what_it_is_made_of_does_not_print() -> None:
    with serving(lambda _: granted()) as server:
        assert Canary.of(GIVEN).shown_by(login(server, given=GIVEN)) == []
