"""A token is what it says only if its issuer's key, its issuer, its audience and its times say so (rows B2, H9)."""

import base64
import hmac
import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk, jws

from skykey.credentials import verification
from skykey.credentials.verification import ALGORITHMS, NotVerified, verified
from skykey.testing.clock import FakeClock
from skykey.values.errors import CredentialError, MissingExtra, UsageError
from skykey.values.secret import Secret
from tests.credentials.test_claims import part

NOW = 1_700_000_000.0
ISSUER = "https://idp.example"
CLAIMS = {"iss": ISSUER, "aud": "tap", "sub": "ada", "exp": NOW + 600, "iat": NOW - 10, "nbf": NOW - 10}
RSA = jwk.RSAKey.generate_key(2048, {"kid": "r1"})
OTHER = jwk.RSAKey.generate_key(2048, {"kid": "r1"})
EC = jwk.ECKey.generate_key("P-256", {"kid": "e1"})
ED = jwk.OKPKey.generate_key("Ed25519", {"kid": "o1"})
SIGNERS: dict[str, Any] = {"RSA": RSA, "EC": EC, "OKP": ED}
KEYS: dict[str, Any] = {"keys": [key.as_dict(private=False) for key in (RSA, EC, ED)]}


def sign(
    claims: dict[str, Any] | bytes | None = None, key: Any = RSA, header: dict[str, Any] | None = None, **more: Any
) -> Secret:
    body = claims if isinstance(claims, bytes) else json.dumps((CLAIMS if claims is None else claims) | more).encode()
    head = {"alg": "RS256", "kid": "r1"} | (header or {})
    registry = jws.JWSRegistry(algorithms=[head["alg"]], strict_check_header=False)
    return Secret(jws.serialize_compact(head, body, key, registry=registry))


def check(token: Secret, **options: Any) -> Any:
    return verified(token, **{"keys": KEYS, "issuer": ISSUER, "audience": "tap", "clock": FakeClock(NOW)} | options)


def refused(token: Secret, says: str, **options: Any) -> NotVerified:
    with pytest.raises(NotVerified, match=says) as caught:
        check(token, **options)
    plain = token.reveal()
    signature = plain.rpartition(".")[2]
    assert plain not in str(caught.value)
    assert isinstance(caught.value, CredentialError)
    assert caught.value.__context__ is None
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    inside = [frame for frame in shown.stack if frame.filename.endswith("skykey/credentials/verification.py")]
    assert inside
    assert not signature or signature not in "".join(str(frame.locals) for frame in inside)
    return caught.value


def test_a_good_token_is_verified() -> None:
    claims = check(sign())
    assert claims.payload == CLAIMS
    assert claims.subject == "ada"
    assert check(sign(aud=["sia", "tap"])).audiences == ("sia", "tap")
    assert check(sign(aud="sia"), audience=None).audiences == ("sia",)


CURVES = {"ES384": "P-384", "ES512": "P-521"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_that_can_be_pinned_verifies(algorithm: str) -> None:
    key = SIGNERS[ALGORITHMS[algorithm]]
    if algorithm in CURVES:
        key = jwk.ECKey.generate_key(CURVES[algorithm], {"kid": "e2"})
    token = sign(key=key, header={"alg": algorithm, "kid": key.kid})
    keys = {"keys": [key.as_dict(private=False)]}
    assert check(token, algorithms=[algorithm], keys=keys).subject == "ada"
    others = [name for name in ALGORITHMS if name != algorithm]
    refused(token, f"names the algorithm '{algorithm}'", algorithms=others, keys=keys)


def test_a_long_header_is_no_reason_to_refuse() -> None:
    """Issuers put whole certificate chains into it."""
    assert check(sign(header={"x5c": ["A" * 4000], "x-own": 1})).subject == "ada"


# -- the algorithm and the key


def test_the_token_does_not_choose_the_algorithm() -> None:
    unsigned = Secret(f"{part({'alg': 'none', 'kid': 'r1'})}.{part(CLAIMS)}.")
    refused(unsigned, "names the algorithm 'none', and RS256 is wanted")
    for name in ("None", "NONE", "RS384", "rs256", None, 5, ["RS256"]):
        refused(Secret(f"{part({'alg': name, 'kid': 'r1'})}.{part(CLAIMS)}.c2ln"), "names the algorithm")
    refused(Secret(f"{part({'kid': 'r1'})}.{part(CLAIMS)}.c2ln"), "names the algorithm None")


def test_the_public_key_is_no_password() -> None:
    """Who knows it could sign with HS256, if that counted."""
    signed = f"{part({'alg': 'HS256', 'kid': 'r1'})}.{part(CLAIMS)}"
    for public in (RSA.as_pem(private=False), RSA.as_pem(private=False).strip()):
        refused(Secret(f"{signed}.{part(hmac.digest(public, signed.encode(), 'sha256'))}"), "algorithm 'HS256'")
    for name in ("HS256", "none", "dir", "ES256K", ""):
        with pytest.raises(UsageError, match="proves nothing"):
            check(sign(), algorithms=["RS256", name])
    with pytest.raises(UsageError, match="by no algorithm"):
        check(sign(), algorithms=[])


def test_a_key_that_comes_with_the_token_is_not_used() -> None:
    own = OTHER.as_dict(private=False) | {"kid": "evil"}
    for header in (
        {"jwk": own},
        {"jku": "https://evil.test/keys"},
        {"x5u": "https://evil.test/c"},
        {"kid": "evil", "jwk": own},
    ):
        refused(sign(key=OTHER, header=header), "the signature is not the issuer's|has no key 'evil'")


@pytest.mark.parametrize("kid", [None, "", "r2", "e1", 5, ["r1"], "r1 "])
def test_the_key_must_be_the_one_that_is_named(kid: Any) -> None:
    token = Secret(f"{part({'alg': 'RS256', 'kid': kid})}.{part(CLAIMS)}.{sign().reveal().rpartition('.')[2]}")
    refused(token, "has no key|does not say which key")
    refused(
        Secret(f"{part({'alg': 'RS256'})}.{part(CLAIMS)}.c2ln"), r"does not say which key it is signed with \(kid\)"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"key_ops": ["sign"]},
        {"key_ops": None},
        {"key_ops": 5},
        {"kty": "EC"},
        {"kid": ["r1"]},
        {"n": None},
        {"n": "!"},
        {"n": "AQAB"},
        {"alg": ["RS256"]},
    ],
)
def test_a_key_that_is_not_for_this_does_not_count(change: dict[str, Any]) -> None:
    refused(sign(), "key set has no key 'r1' for RS256", keys={"keys": [KEYS["keys"][0] | change]})


@pytest.mark.parametrize("keys", [{}, {"keys": None}, {"keys": []}, {"keys": {}}, {"keys": [None, 5, "r1", [], {}]}])
def test_a_key_set_that_is_none_verifies_nothing(keys: dict[str, Any]) -> None:
    refused(sign(), "key set has no key", keys=keys)


def test_a_key_that_cannot_be_read_verifies_nothing() -> None:
    broken = KEYS["keys"][0] | {"e": "!!"}
    refused(sign(), "the signature is not the issuer's", keys={"keys": [broken]})
    assert check(sign(), keys={"keys": [broken, KEYS["keys"][0]]}).subject == "ada"


def test_a_small_key_does_not_count() -> None:
    small = {"kty": "RSA", "kid": "r1", "e": "AQAB", "n": base64.urlsafe_b64encode(b"\xff" * 128).decode().rstrip("=")}
    refused(sign(), "has no key", keys={"keys": [small]})


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": False}, {"b64": True}])
def test_extensions_are_refused(header: dict[str, Any]) -> None:
    head = part({"alg": "RS256", "kid": "r1"} | header)
    refused(Secret(f"{head}.{part(CLAIMS)}.c2ln"), r"extensions that nobody here knows \(crit\)")


def test_whatever_is_changed_after_signing_is_noticed() -> None:
    header, payload, signature = sign().reveal().split(".")
    evil = part(CLAIMS | {"sub": "eve"})
    refused(sign(key=OTHER), "the signature is not the issuer's")
    for changed in (
        f"{header}.{evil}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[:-8]}",
        f"{header}.{payload}.{signature[::-1]}",
        f"{part({'kid': 'r1', 'alg': 'RS256', 'typ': 'JWT'})}.{payload}.{signature}",
    ):
        refused(Secret(changed), "the signature is not the issuer's")


@pytest.mark.parametrize("text", ["", "gt-opaque.token", "a.b.c", "." * 70_000])
def test_what_is_no_token_is_not_verified(text: str) -> None:
    with pytest.raises(NotVerified, match="not a signed JSON Web Token"):
        check(Secret(text))


# -- who it is from, and for whom


@pytest.mark.parametrize(
    "issuer",
    ["https://idp.example/", "https://idp.example.evil.test", "HTTPS://idp.example", "idp.example", "", None, [ISSUER]],
)
def test_the_issuer_is_compared_to_the_letter(issuer: Any) -> None:
    refused(sign(iss=issuer), "its issuer is ")
    without = {name: value for name, value in CLAIMS.items() if name != "iss"}
    refused(sign(without), "its issuer is None")


@pytest.mark.parametrize("audience", ["sia", "ta", "tap ", [], ["sia"], None, 5, {"tap": 1}])
def test_a_token_for_somebody_else_is_refused(audience: Any) -> None:
    refused(sign(aud=audience), "it is for .*, and 'tap' is wanted")


def test_what_an_error_quotes_is_short_and_has_no_control_characters() -> None:
    error = refused(sign(iss="\x1b[2J" + "a" * 5000), "its issuer is ")
    assert "\x1b" not in str(error)
    assert len(str(error)) < 400


# -- when


@pytest.mark.parametrize(("seconds", "accepted"), [(0, True), (30, True), (60, True), (61, False), (3600, False)])
@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_b2_a_token_from_the_near_future_is_accepted(claim: str, seconds: int, *, accepted: bool) -> None:
    token = sign(**{claim: NOW + seconds})
    if accepted:
        assert check(token).subject == "ada"
    else:
        refused(token, rf"{seconds} s.* \({claim}\)")


@pytest.mark.parametrize(("ago", "accepted"), [(-600, True), (0, True), (59, True), (60, False), (3600, False)])
def test_b2_a_token_that_has_just_ended_is_accepted(ago: int, *, accepted: bool) -> None:
    token = sign(exp=NOW - ago)
    if accepted:
        assert check(token).subject == "ada"
    else:
        refused(token, f"it ended {ago} s ago")


def test_b2_a_leeway_is_a_minute_at_most() -> None:
    refused(sign(nbf=NOW + 2), r"begins in 2 s \(nbf\)", leeway=1.0)
    for leeway in (61.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(UsageError, match="leeway"):
            check(sign(), leeway=leeway)


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [True, "1700000600", None, [], 10**400])
def test_a10_a_time_that_is_none_is_refused(claim: str, value: Any) -> None:
    refused(sign(**{claim: value}), f"its {claim} is no point in time")


def test_a9_a_token_that_never_ends_is_refused() -> None:
    refused(sign({name: value for name, value in CLAIMS.items() if name != "exp"}), r"when it ends \(exp\)")
    assert check(sign({"iss": ISSUER, "aud": "tap", "exp": NOW + 1})).subject is None


# -- the rest


def test_h9_without_its_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joserfc", None)
    with pytest.raises(MissingExtra, match=r"pip install 'skykey\[login\]'"):
        check(sign_before)


sign_before = sign()
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=9)
    | st.sampled_from(["RS256", "r1", "sig", "RSA", ISSUER]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kid", "alg", "use", "n", "e", "kty"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "jwk", "crit"]), JSON),
    payload=st.dictionaries(st.sampled_from(list(CLAIMS)), JSON),
    keys=st.lists(JSON, max_size=2),
)
def test_nothing_made_up_is_verified_and_nothing_crashes(header: Any, payload: Any, keys: Any) -> None:
    header = {"alg": "RS256", "kid": "r1"} | header
    token = Secret(f"{part(header)}.{part(payload)}.{part(b'x' * 256)}")
    with pytest.raises(NotVerified):
        check(token, keys={"keys": [*keys, KEYS["keys"][0]]})


def naive(token: str, check_signature: Callable[[str], bool]) -> dict[str, Any]:
    """As one writes it in ten minutes: the header says how, the issuer begins right, and it has not ended."""
    header, payload, _ = (base64.urlsafe_b64decode(text + "==") for text in token.split("."))
    claims: dict[str, Any] = json.loads(payload)
    assert json.loads(header)["alg"] == "none" or check_signature(token)
    assert claims["iss"].startswith(ISSUER)
    assert claims["exp"] > NOW
    return claims


def test_a_naive_check_believes_what_this_one_refuses() -> None:
    unsigned = f"{part({'alg': 'none'})}.{part(CLAIMS | {'iss': ISSUER + '.evil.test'})}."
    assert naive(unsigned, lambda _: False)["iss"].endswith("evil.test")
    refused(Secret(unsigned), "names the algorithm")


def test_the_module_loads_no_cryptography() -> None:
    assert not hasattr(verification, "jws")
