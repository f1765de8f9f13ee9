"""A secret shows itself nowhere, and only listed modules open it (rows C19, C20, D3, H1)."""

import ast
import copy
import dataclasses
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest

from skykey.values.secret import Secret
from tests.values.canary import CANARY, displays, leaks

SOURCE = Path(__file__).parents[2] / "src" / "skykey"

# The modules that may open a secret, each with its reason. Add none without one.
MAY_REVEAL = {
    "credentials/claims.py": "reads what a token says of itself; gives none of it on",
    "credentials/conceal.py": "looks for it in what a server says, to take it out",
    "credentials/credential.py": "writes it into the header's value, which is a secret again",
    "credentials/grants/token_endpoint.py": "writes the request's body, which is a secret again",
    "credentials/stores/document.py": "writes and reads what a store keeps",
    "credentials/text.py": "trims and checks a token's text; gives a secret again",
    "credentials/verification.py": "checks a token's signature",
    "descarteslabs/auth.py": "the documented properties of a login and its token return text",
    "descarteslabs/payload.py": "reads what a token of the platform says",
    "descarteslabs/signing_in.py": "decodes what was pasted; writes the documented file",
    "descarteslabs/stores.py": "writes the documented file",
    "descarteslabs/token_info.py": "makes the documented file's text, which is a secret again",
    "repertoire/models.py": "the documented get_secret_value() of a database's password",
    "rubin/connections.py": "the documented get_access_token() returns text",
    "wire/proxies.py": "takes the address of the environment's proxy apart, which may hold a password",
    "wire/request.py": "builds the HTTP library's own request",
}
# Rooms above that other tests look after; they open secrets on purpose and in one place each.
ELSEWHERE = ("cli/", "dropin/", "sandbox/", "testing/")


def test_c20_a_secret_is_in_no_display() -> None:
    assert leaks(Secret(CANARY), CANARY) == []


def test_the_canary_test_can_fail() -> None:
    class Careless:
        def __init__(self, value: str) -> None:
            self.value = value

        def __repr__(self) -> str:
            return f"Careless({self.value})"

    @dataclasses.dataclass
    class Hidden:
        value: str = dataclasses.field(repr=False)

    everywhere = leaks(Careless(CANARY), CANARY)
    assert {"repr", "str", "logging", "traceback", "vars", "pprint", "dict key"} <= set(everywhere)
    assert {"asdict", "astuple", "vars", "replace"} & set(leaks(Hidden(CANARY), CANARY))
    assert {"str", "json", "iter", "%s", "pickle 0", "pickle 5", "bytes"} - set(leaks(CANARY, CANARY)) <= {
        "bytes",
        "iter",
    }


def test_a_secret_shows_the_same_placeholder_whatever_the_format() -> None:
    shown = displays(Secret(CANARY))
    for name in ("repr", "str", "ascii", "format >60", "format .3", "format x", "%s", "%r", "copy"):
        assert shown[name] == "<secret>", name


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_c19_a_secret_refuses_to_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps([Secret(CANARY)], protocol)


def test_a_copy_makes_no_second_secret() -> None:
    secret = Secret(CANARY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret


def test_equality_and_hash_go_by_value_and_never_meet_plain_text() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret(CANARY + "x")
    assert Secret(CANARY) != CANARY
    assert Secret("ä\udcff") == Secret("ä\udcff")
    assert {Secret(CANARY): 1}[Secret(CANARY)] == 1
    assert hash(Secret(CANARY)) not in {hash(CANARY), hash((CANARY,))}


@pytest.mark.parametrize("operation", ["+", "<", "in", "[0]", "len", "iter"])
def test_a_secret_is_no_text_to_be_taken_apart(operation: str) -> None:
    secret: Any = Secret(CANARY)
    with pytest.raises(TypeError) as caught:
        {
            "+": lambda: secret + "",
            "<": lambda: secret < Secret(""),
            "in": lambda: "gt-" in secret,
            "[0]": lambda: secret[0],
            "len": lambda: len(secret),
            "iter": lambda: iter(secret),
        }[operation]()
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("value", [CANARY.encode(), bytearray(CANARY.encode()), [CANARY], None, 5])
def test_d3_what_is_not_text_is_refused_without_showing_it(value: Any) -> None:
    with pytest.raises(TypeError, match=rf"a secret is text, not {type(value).__name__}$") as caught:
        Secret(value)
    frames = traceback.TracebackException(caught.type, caught.value, caught.tb, capture_locals=True).stack
    inner = [frame for frame in frames if frame.filename.endswith("values/secret.py")]
    assert inner
    assert CANARY not in "".join(str(frame.locals) for frame in inner)


def test_a_subclass_of_str_does_not_print_itself_from_inside() -> None:
    class Loud(str):
        __slots__ = ()

    opened = Secret(Loud(CANARY)).reveal()
    assert type(opened) is str
    assert opened == CANARY


def test_a_hint_tells_two_apart_and_is_of_no_use_to_a_thief() -> None:
    one, two = Secret(CANARY).hint(), Secret(CANARY + "x").hint()
    assert one != two
    assert one == Secret(CANARY).hint()
    assert one.startswith(f"{len(CANARY)} characters, #")
    assert not any(CANARY[n : n + 4] in one for n in range(len(CANARY) - 3))


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret(" ")


def test_only_listed_modules_open_secrets() -> None:
    found = set()
    for path in SOURCE.rglob("*.py"):
        name = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            opens = isinstance(node, ast.Attribute) and node.attr == "reveal"
            by_name = isinstance(node, ast.Constant) and node.value == "reveal"
            peeks = isinstance(node, ast.Attribute) and node.attr == "_open" and ast.unparse(node.value) != "self"
            if opens or by_name or (peeks and name != "values/secret.py"):
                found.add(name)
    found = {name for name in found if not name.startswith(ELSEWHERE)}
    assert found == set(MAY_REVEAL)


def test_rooms_above_open_secrets_in_one_module_at_most() -> None:
    for room in ELSEWHERE:
        modules = [path for path in (SOURCE / room).rglob("*.py") if ".reveal(" in path.read_text()]
        assert len(modules) <= 1, f"{room}: {modules}"
