"""B2, B5: tokens from the near future, and the ways in which an end is written."""

import json
import time
from collections.abc import Iterator

import pytest
from joserfc import jwk, jws

from skykey.credentials.lifetime import moment
from skykey.credentials.verification import NotVerified, verified
from skykey.testing import FakeClock
from skykey.values.secret import Secret
from tests.reliability import naive_sources as naive

NOW = 1_700_000_000.0
KEY = jwk.RSAKey.generate_key(2048, {"kid": "k"})
KEYS = {"keys": [KEY.as_dict(private=False)]}
AHEAD = [0, 1, 30, 59, 60]
TOO_FAR = [61, 90, 3600]


def claims(ahead: float) -> dict[str, float]:
    return {"iat": NOW + ahead, "nbf": NOW + ahead, "exp": NOW + ahead + 600}


def accepts(ahead: float) -> bool:
    body = json.dumps({"iss": "https://idp.example", **claims(ahead)})
    token = jws.serialize_compact({"alg": "RS256", "kid": "k"}, body, KEY, algorithms=["RS256"])
    try:
        verified(Secret(token), keys=KEYS, issuer="https://idp.example", audience=None, clock=FakeClock(NOW))
    except NotVerified:
        return False
    return True


def test_b2_a_token_from_up_to_a_minute_ahead_is_accepted_and_no_later_one() -> None:
    accepted = [ahead for ahead in AHEAD + TOO_FAR if accepts(ahead)]
    print(f"B2: accepted {accepted} s ahead, refused {[ahead for ahead in AHEAD + TOO_FAR if ahead not in accepted]} s")
    assert accepted == AHEAD


def test_b2_a_naive_check_fails() -> None:
    accepted = [ahead for ahead in AHEAD if naive.is_valid(claims(ahead), NOW)]
    print(f"B2 naive: accepted {accepted} s ahead")
    assert 30 not in accepted


ZONES = ["UTC", "Europe/Berlin", "America/Santiago", "Asia/Kolkata", "Pacific/Chatham"]
# In March and October some of these zones change their clocks: a local time is there twice, or not at all.
SAME = {
    1_774_751_400.0: ["2026-03-29T02:30:00Z", "2026-03-29T02:30:00", "2026-03-29 02:30:00", "2026-03-29T04:30:00+02:00",
                      "2026-03-29T02:30:00.000000000Z", "1774751400"],
    1_792_895_400.0: ["2026-10-25T02:30:00Z", "2026-10-25T02:30:00", "2026-10-24T21:30-05:00", "20261025T023000Z"],
}  # fmt: skip


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_b5_an_end_means_the_same_moment_in_every_zone(zone: str) -> None:
    wrong = {text: moment(text) for at, texts in SAME.items() for text in texts if moment(text) != at}
    print(f"B5: {sum(map(len, SAME.values()))} spellings read in {zone}, wrong = {len(wrong)}")
    assert wrong == {}


def test_b5_a_naive_reader_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    time.tzset()
    try:
        off = [
            abs(naive.moment("2026-03-29T02:30:00") - 1_774_751_400.0),
            abs(naive.moment("2026-03-29") - 1_774_742_400),
        ]
    finally:
        monkeypatch.undo()
        time.tzset()
    print(f"B5 naive: off by {max(off) / 3600:.2f} h")
    assert min(off) > 3600
