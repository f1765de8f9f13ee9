"""A secret that was used up comes out again only where the one that replaced it is said to be dead."""

from dataclasses import replace

import pytest

from skykey.credentials.grants.refresh_token import RefreshToken
from skykey.values.errors import GrantRefused
from skykey.values.secret import Secret
from tests.credentials.fakes import bearer
from tests.credentials.grants.asking import REACH, asking, endpoint, fields, refused
from tests.wire.server import reply, serving


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (reply(403, "the firewall does not like you"), ["kept"]),
        (reply(404), ["kept"]),
        (refused("invalid_scope"), ["kept"]),
        (refused("invalid_grant"), ["kept", "given"]),
        (reply(401), ["kept", "given"]),
    ],
    ids=["a firewall", "not there", "a scope", "the secret", "no words"],
)
def test_a_refusal_that_is_not_about_the_secret_does_not_bring_out_a_used_one(answer: bytes, wanted: list[str]) -> None:
    """An issuer that replaces secrets ends the whole login when a used one comes again."""
    kept = replace(bearer("old"), renewal=Secret("kept"))
    with serving(lambda _: answer) as server:
        grant = RefreshToken(endpoint(server), {"client_id": "c"}, REACH, "a login", given=Secret("given"))
        with pytest.raises(GrantRefused):
            grant.obtain(kept, asking())
        assert [fields(seen)["refresh_token"] for seen in server.seen] == wanted
