"""Providers of other packages: found late, held to what they promise, harmless if broken (rows D11, D13, H7)."""

import importlib
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skykey.credentials.chain import Chain
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.sources.plugins import Plugins
from skykey.credentials.trace import Outcome
from skykey.testing.clock import FakeClock
from skykey.values.errors import Failed, NoCredential, Unavailable
from tests.credentials.fakes import REACH, Fake, text_of
from tests.credentials.sources.checks import unseen
from tests.values.canary import CANARY

GOOD = """
from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.provider import Keeping
from skykey.values.errors import Failed, Unavailable
from skykey.values.secret import Secret

class Theirs:
    name = "theirs"
    keeping = Keeping.IN_PROCESS
    def __init__(self, reach):
        self.reach, self.asked = reach, 0
    def obtain(self, held, ask):
        self.asked += 1
        {body}
        return Held(Bearer(Secret("{text}-%d" % self.asked), self.reach), source="theirs", mark="{text}")
    def changed(self, held):
        assert held.mark == "{text}", held.mark
        return self.asked > 5
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a package onto the import path, as an installer leaves it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    made = []

    def put(name: str, code: str, *, value: str = "{module}:make", system: str = "rubin") -> None:
        module = f"plugin_{name}"
        made.append(module)
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[skykey.providers]\n{system} = {value.format(module=module)}\n")
        (site / f"{module}.py").write_text(code)
        importlib.invalidate_caches()

    yield put
    for module in made:
        sys.modules.pop(module, None)


def good(text: str, body: str = "pass") -> str:
    return GOOD.format(text=text, body=body) + "make = Theirs\n"


def plugins() -> Plugins:
    return Plugins("rubin", REACH)


def test_without_any_package_there_is_nothing() -> None:
    with pytest.raises(Unavailable, match=r"^no package offers one$"):
        plugins().obtain(None, Ask())


def test_a_package_gives_a_token(install: Install) -> None:
    install("one", good("gt-one"))
    install("other", good("gt-other"), system="gracedb")
    held = plugins().obtain(None, Ask())
    assert text_of(held) == "gt-one-1"
    assert held.source == "the package one"


def test_they_are_asked_in_the_order_of_their_names(install: Install) -> None:
    install("b", good("gt-b"))
    install("c", good("gt-c"))
    install("a", good("gt-a", "raise Unavailable('not today')"))
    assert text_of(plugins().obtain(None, Ask())) == "gt-b-1"


def test_h7_nothing_is_imported_before_the_first_one_is_asked(install: Install) -> None:
    install("one", good("gt-one"))
    source = plugins()
    assert (source.name, source.keeping) == ("installed packages for rubin", Keeping.IN_PROCESS)
    assert "plugin_one" not in sys.modules
    source.obtain(None, Ask())
    assert "plugin_one" in sys.modules


def test_h7_where_no_package_offers_anything_the_metadata_is_not_loaded() -> None:
    code = (
        "import sys; from skykey.credentials.sources.plugins import Plugins, _entries\n"
        "assert _entries('rubin') == []\n"
        "import json; print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "importlib.metadata" not in json.loads(done.stdout)


BROKEN = {
    "raises at import": (f"raise RuntimeError('{CANARY}')", "{module}:make", "raised RuntimeError"),
    "exits at import": ("import sys; sys.exit(3)", "{module}:make", "raised SystemExit"),
    "is no Python": ("def (", "{module}:make", "raised SyntaxError"),
    "needs something": ("import no_such_module_of_anybody", "{module}:make", "raised ModuleNotFoundError"),
    "is not there": ("", "{module}_gone:make", "raised ModuleNotFoundError"),
    "has no such name": ("", "{module}:make", "raised AttributeError"),
    "is no function": ("make = 5", "{module}:make", "raised TypeError"),
    "raises when made": (f"def make(reach): raise ValueError('{CANARY}')", "{module}:make", "raised ValueError"),
    "gives nothing": ("def make(reach): pass", "{module}:make", "gives NoneType, which is no provider"),
    "gives a token": (f"def make(reach): return '{CANARY}'", "{module}:make", "gives str, which is no provider"),
    "gives half of one": (
        "class Half:\n    def obtain(self, held, ask): pass\nmake = lambda reach: Half()",
        "{module}:make",
        "gives Half, which is no provider",
    ),
    "does not say what becomes of it": (
        "class Most:\n    obtain = changed = lambda *_: None\nmake = lambda reach: Most()",
        "{module}:make",
        "gives Most, which is no provider",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_d13_a_broken_package_is_reported_and_the_others_work(
    how: str, install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    code, value, said = BROKEN[how]
    install("abroken", code, value=value)
    with caplog.at_level(logging.DEBUG), pytest.raises(Unavailable, match=f"^the package abroken: .*{said}$"):
        plugins().obtain(None, Ask())
    install("good", good("gt-good"))
    with caplog.at_level(logging.DEBUG):
        assert text_of(plugins().obtain(None, Ask())) == "gt-good-1"
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "the package abroken is left out: plugin_abroken" in caplog.text
    assert CANARY not in caplog.text


def test_d13_why_shows_the_reason(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    install("broken", "raise RuntimeError")
    install("empty", good("x", "raise Unavailable('nobody is logged in')"))
    chain = Chain("a token", (plugins(), Fake(name="another")), "skykey why")
    keeper = Keeper(chain)
    assert text_of(keeper.get()) == "token-1"
    (first, _) = keeper.trace().attempts
    assert (first.source, first.outcome) == ("installed packages for rubin", Outcome.UNAVAILABLE)
    assert first.reason == (
        "the package broken: plugin_broken:make raised RuntimeError; the package empty: nobody is logged in"
    )
    with pytest.raises(NoCredential, match="plugin_broken:make raised RuntimeError"):
        Keeper(Chain("a token", (plugins(),), "skykey why")).get()


def test_d11_a_package_with_something_unusable_stops_the_search(install: Install) -> None:
    install("a", good("gt-a", "raise Failed('the session has ended')"))
    install("b", good("gt-b"))
    with pytest.raises(Failed, match=r"^the session has ended$"):
        plugins().obtain(None, Ask())


def test_d11_a_package_that_raises_when_asked_is_named_without_its_words(install: Install) -> None:
    install("a", good("gt-a", f"raise LookupError('{CANARY}')"))
    install("b", good("gt-b"))
    with pytest.raises(Failed, match=r"^the package a raised LookupError$") as caught:
        plugins().obtain(None, Ask())
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "kind"), [(f"return '{CANARY}'", "str"), ("return None", "NoneType"), ("return Held(5, 'x')", "int")]
)
def test_d3_what_is_no_token_is_refused_by_its_kind(install: Install, body: str, kind: str) -> None:
    install("a", good("gt-a", body))
    with pytest.raises(Failed, match=f"^the package a gives {kind}, not a token$") as caught:
        plugins().obtain(None, Ask())
    unseen(caught.value)


def test_e1_a_package_does_not_widen_the_reach(install: Install) -> None:
    install(
        "a",
        good("gt-a").replace(
            "self.reach, self.asked = reach, 0",
            "from skykey.values.reach import Reach; from skykey.values.url import Url\n"
            "        self.reach, self.asked = Reach.named(Url('https://evil.test'), said_by='me'), 0",
        ),
    )
    with pytest.raises(Failed, match="gives a token that may go farther than the test says"):
        plugins().obtain(None, Ask())


def test_the_winner_stays_and_is_asked_whether_it_changed(install: Install) -> None:
    install("a", good("gt-a", "if self.asked < 3: raise Unavailable('not yet')"))
    install("b", good("gt-b"))
    clock = FakeClock()
    chain = Chain("a token", (plugins(),), "skykey why")
    keeper = Keeper(chain, clock=clock)
    first = keeper.get()
    assert text_of(first) == "gt-b-1"
    assert not chain.changed(first)
    for count in range(2, 7):
        first = chain.obtain(first, Ask(clock))
        assert text_of(first) == f"gt-b-{count}"
    assert chain.changed(first)
