"""Settings: where they come from, that they are selected once, and that no credential is one."""

import copy
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.descarteslabs import config
from skykey.descarteslabs.brand import DESCARTESLABS, EARTHONE, Brand
from skykey.descarteslabs.config import (
    AWS_ENVIRONMENT,
    GCP_ENVIRONMENT,
    Settings,
    app_domain,
    current_settings,
    default_domain,
    get_settings,
    peek_settings,
    select_env,
)
from skykey.descarteslabs.earthone import config as earthone
from skykey.descarteslabs.exceptions import ConfigError
from skykey.values.errors import SkykeyError

CANARY = "b70B-cAnArY-7f3a9c"
SERVICES = {
    "CATALOG_V2_URL": "/metadata/v1/catalog/v2",
    "COMPUTE_URL": "/compute/v1",
    "METADATA_URL": "/metadata/v1",
    "RASTER_URL": "/raster/v2",
    "USAGE_URL": "/usage/v1",
    "USERLIMIT_URL": "/userlimit/v1",
    "VECTOR_URL": "/vector/v1",
    "YAAS_URL": "/yaas/v1",
}


# -- what is built in


@pytest.mark.parametrize("word", ["production", "staging", "dev", "freemium"])
@pytest.mark.parametrize(
    ("peek", "name", "below", "domain"),
    [
        (peek_settings, "aws-{}", "{}.aws.descarteslabs.com", "descarteslabs.com"),
        (earthone.peek_settings, "{}", "{}.earthone.earthdaily.com", "earthone.earthdaily.com"),
    ],
    ids=["descarteslabs", "earthone"],
)
def test_the_built_in_addresses(peek: Any, name: str, below: str, domain: str, word: str) -> None:
    below = below.format(word)
    platform = f"https://platform.{below}"
    missing = {"COMPUTE_URL", "VECTOR_URL", "YAAS_URL"} if word == "freemium" else set()
    assert peek(name.format(word)).as_dict() == {
        "ENV": name.format(word),
        "LOG_LEVEL": "WARNING",
        "DOMAIN": domain,
        "DEFAULT_DOMAIN": below,
        "IAM_URL": f"https://iam.{below}",
        "APP_URL": f"https://app.{domain}",
        "PLATFORM_URL": platform,
        **{key: platform + path for key, path in SERVICES.items() if key not in missing},
    }


def test_testing_is_dev_with_a_mark_and_local_has_its_own_issuer() -> None:
    testing, local = peek_settings("testing"), peek_settings("local")
    assert (testing.testing, testing.iam_url) == (True, "https://iam.dev.aws.descarteslabs.com")
    assert local.iam_url == "https://dev.localhost:8000"
    assert local.platform_url == testing.platform_url == "https://platform.dev.aws.descarteslabs.com"
    assert local.app_url == "https://app.descarteslabs.com"


def test_the_default_is_production() -> None:
    assert peek_settings().env == AWS_ENVIRONMENT == "aws-production"
    assert earthone.peek_settings().env == "production"


@pytest.mark.parametrize("name", [GCP_ENVIRONMENT, "bogus", "Aws-production", "../x"])
def test_an_unknown_environment_is_refused_in_the_documented_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for ask in (peek_settings, select_env):
        with pytest.raises(ConfigError) as caught:
            ask(name)
        assert caught.value.message == f"Client configuration '{name}' doesn't exist!"
        assert "aws-staging" in (caught.value.next or "")
    monkeypatch.setenv("DESCARTESLABS_ENV", name)
    with pytest.raises(ConfigError, match=r"Check your DESCARTESLABS_ENV environment variable\."):
        get_settings()
    assert isinstance(caught.value, SkykeyError)
    assert caught.value.exit_code == 2
    assert Settings.env is None


# -- how they are asked for


def test_a_name_may_be_written_in_either_case() -> None:
    settings = peek_settings()
    expected = "https://iam.production.aws.descarteslabs.com"
    assert settings.IAM_URL == settings.iam_url == settings["IAM_URL"] == settings["iam_url"] == expected
    assert settings.get("iam_url") == settings.get("Iam_Url") == expected
    assert settings.get("nothing") is None
    assert settings.get("nothing", 7) == 7
    assert "iam_url" in settings
    assert "nothing" not in settings
    assert settings.ENV == settings.env == settings.current_env == "aws-production"
    assert (
        {key: settings[key] for key in settings} == settings.as_dict() == settings.to_dict() == dict(settings.items())
    )
    assert {"IAM_URL", "as_dict"} <= set(dir(settings))


def test_a_setting_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'compute_url'"):
        _ = peek_settings("aws-freemium").compute_url
    with pytest.raises(KeyError):
        peek_settings()["nothing"]


def test_what_a_program_does_with_the_dictionary_does_not_reach_the_settings() -> None:
    settings = peek_settings()
    settings.as_dict()["IAM_URL"] = "https://thief.example"
    assert settings.iam_url == "https://iam.production.aws.descarteslabs.com"


def test_settings_survive_copies_and_pickles() -> None:
    for settings in (peek_settings("aws-dev"), earthone.peek_settings("dev")):
        for twin in (copy.copy(settings), copy.deepcopy(settings), pickle.loads(pickle.dumps(settings))):
            assert type(twin) is type(settings)
            assert twin == settings
            assert twin.env == settings.env


# -- variables


def test_a_variable_is_a_setting_and_addresses_follow_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESCARTESLABS_DOMAIN", "example.org")
    settings = peek_settings("aws-dev")
    assert settings.app_url == "https://app.example.org"
    assert settings.iam_url == "https://iam.dev.aws.example.org"
    assert settings.vector_url == "https://platform.dev.aws.example.org/vector/v1"
    monkeypatch.setenv("DESCARTESLABS_DEFAULT_DOMAIN", "here.example")
    assert peek_settings().iam_url == "https://iam.here.example"
    assert peek_settings().app_url == "https://app.example.org"
    monkeypatch.setenv("DESCARTESLABS_PLATFORM_URL", "https://p.example")
    assert peek_settings().yaas_url == "https://p.example/yaas/v1"
    monkeypatch.setenv("DESCARTESLABS_IAM_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DESCARTESLABS_LOG_LEVEL", "DEBUG")
    assert peek_settings().iam_url == default_domain(DESCARTESLABS) == "http://127.0.0.1:9"
    assert peek_settings().log_level == "DEBUG"
    assert earthone.peek_settings().iam_url == "https://iam.production.earthone.earthdaily.com"


@pytest.mark.parametrize(
    "value",
    ["@int 5", "@format {env[HOME]}", "@jinja {{ 1 }}", "{default_domain}", "{0}", "%s", "true", "7", "[1]", "{"],
)
def test_a_value_is_taken_as_it_is_written(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was once parsed: a secret that began with @int broke the start of every program."""
    for name in ("IAM_URL", "DOMAIN", "MINE"):
        monkeypatch.setenv(f"DESCARTESLABS_{name}", value)
    settings = peek_settings()
    assert settings.iam_url == settings.domain == settings.mine == value
    assert settings.app_url == f"https://app.{value}"


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENV", "IAM_URL", "DEFAULT_DOMAIN"):
        monkeypatch.setenv(f"DESCARTESLABS_{name}", "")
    assert peek_settings().iam_url == "https://iam.production.aws.descarteslabs.com"


def test_another_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESCARTESLABS_TESTING", "theirs")
    monkeypatch.setenv("DL_ENV", "testing")
    monkeypatch.setenv("DL_TESTING", "hello")
    settings = select_env(envvar_prefix="DL")
    assert (settings.env, settings.testing) == ("testing", "hello")
    assert "DESCARTESLABS_ENV" not in os.environ


CREDENTIALS = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "REFRESH_TOKEN",
    "TOKEN",
    "JWT_TOKEN",
    "client_secret",
    "API_KEY",
    "PASSWORD",
]


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_is_no_setting(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(f"DESCARTESLABS_{name}", CANARY)
    monkeypatch.setenv(f"EARTHONE_{name}", CANARY)
    file = tmp_path / "settings.toml"
    file.write_text(f'[default]\n{name} = "{CANARY}"\n')
    for settings in (peek_settings(), peek_settings(settings_file=file), select_env(), earthone.get_settings()):
        assert name not in settings
        assert not hasattr(settings, name)
        assert CANARY not in f"{settings} {settings!r} {settings.as_dict()} {vars(settings)} {pickle.dumps(settings)!r}"


def test_the_file_of_a_login_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESCARTESLABS_TOKEN_INFO_PATH", "/x/y.json")
    assert peek_settings().token_info_path == "/x/y.json"


def test_a_display_shows_no_values() -> None:
    assert repr(peek_settings()) == "<Settings of Descartes Labs, aws-production>"


# -- a settings file


def test_a_settings_file_stands_between_what_is_built_in_and_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        '[default]\ndomain = "d.example"\nretries = 7\nwith_gpu = true\nratio = 0.5\n'
        '[aws-dev]\nIAM_URL = "https://test_url"\nlog_level = "INFO"\n'
        '[aws-staging]\nlog_level = "NO"\n'
        'left_alone = "@none of ours"\n'
    )
    monkeypatch.setenv("DESCARTESLABS_LOG_LEVEL", "ERROR")
    settings = peek_settings("aws-dev", settings_file=str(file))
    assert (settings.iam_url, settings.app_url, settings.log_level) == (
        "https://test_url",
        "https://app.d.example",
        "ERROR",
    )
    assert (settings.retries, settings.with_gpu, settings.ratio) == (7, True, 0.5)
    assert peek_settings("aws-dev").log_level == "ERROR"


def test_an_environments_table_goes_before_the_default_one_wherever_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[global]\nc = 3\n[aws-dev]\nb = 2\nc = 2\n[default]\na = 1\nb = 1\nc = 1\n")
    settings = peek_settings("aws-dev", file)
    assert (settings.a, settings.b, settings.c) == (1, 2, 3)
    assert peek_settings("testing", file).b == 1


def test_a_settings_file_may_add_an_environment(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[mine]\ndefault_domain = "mine.example"\n[yours]\niam_url = "https://x.example"\n')
    settings = select_env("mine", file)
    assert settings.iam_url == default_domain(DESCARTESLABS) == "https://iam.mine.example"
    assert settings.raster_url == "https://platform.mine.example/raster/v2"
    with pytest.raises(ConfigError, match="'yours' doesn't exist"):
        peek_settings("yours", file)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[default", "is not TOML"),
        (b'[default]\niam_url = "@format https://{this.DOMAIN}"', r"gives iam_url by a directive \(@format\)"),
    ],
    ids=["missing", "bytes", "broken", "directive"],
)
def test_a_settings_file_that_cannot_be_used_is_not_passed_over(
    tmp_path: Path, content: bytes | None, match: str
) -> None:
    """A program that names its own issuer there must not send its secret to the built-in one."""
    file = tmp_path / "settings.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=match):
        select_env(settings_file=file)
    assert Settings.env is None
    assert "DESCARTESLABS_ENV" not in os.environ


def test_files_of_the_working_directory_have_no_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (".env", ".secrets.toml", "settings.toml"):
        (tmp_path / name).write_text('DESCARTESLABS_DOMAIN="x"\n[default]\ndomain = "x"\n')
    monkeypatch.chdir(tmp_path)
    assert peek_settings().domain == "descarteslabs.com"


# -- selecting


@pytest.mark.parametrize(
    ("module", "variable", "name"),
    [(config, "DESCARTESLABS_ENV", "aws-dev"), (earthone, "EARTHONE_ENV", "dev")],
    ids=["descarteslabs", "earthone"],
)
def test_an_environment_is_selected_once(module: Any, variable: str, name: str) -> None:
    assert module.Settings.env is None
    selected = module.select_env(name)
    assert module.Settings.env == os.environ[variable] == name
    assert module.get_settings() is module.select_env() is module.select_env(name) is selected
    with pytest.raises(ConfigError, match=f"Client configuration '{name}' has already been selected"):
        module.select_env("testing")
    assert module.peek_settings("testing").env == "testing"
    assert module.Settings.env == os.environ[variable] == name


def test_one_brands_selection_is_not_the_others() -> None:
    select_env("aws-dev")
    assert earthone.Settings.env is None
    assert earthone.get_settings().env == "production"
    assert get_settings().env == "aws-dev"


def test_a_peek_selects_nothing_and_leaves_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(os.environ)
    peek_settings("aws-dev")
    peek_settings()
    assert (Settings.env, dict(os.environ)) == (None, before)
    monkeypatch.setenv("DESCARTESLABS_ENV", "testing")
    assert peek_settings().env == "testing"
    assert os.environ["DESCARTESLABS_ENV"] == "testing"


def test_the_default_domain_is_the_selected_one_even_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a selection it is a peek, so that variables that were set meanwhile count."""
    assert default_domain(DESCARTESLABS) == "https://iam.production.aws.descarteslabs.com"
    monkeypatch.setenv("DESCARTESLABS_ENV", "aws-dev")
    assert default_domain(DESCARTESLABS) == "https://iam.dev.aws.descarteslabs.com"
    assert Settings.env is None
    file = tmp_path / "settings.toml"
    file.write_text('[aws-dev]\niam_url = "https://iam.mine.example"\napp_url = "https://app.mine.example"\n')
    select_env(settings_file=file)
    assert default_domain(DESCARTESLABS) == get_settings().IAM_URL == "https://iam.mine.example"
    assert app_domain(DESCARTESLABS) == "https://app.mine.example"
    assert default_domain(EARTHONE) == "https://iam.production.earthone.earthdaily.com"
    assert app_domain(EARTHONE) == "https://app.earthone.earthdaily.com"


def test_a_settings_file_that_comes_too_late_is_noted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[default]\niam_url = "https://iam.mine.example"\n')
    first = select_env()
    assert select_env(settings_file=file) is first
    assert f"the settings file {file} is not read" in caplog.text
    caplog.clear()
    Settings._settings = None
    select_env(settings_file=file)
    select_env(settings_file=file)
    assert caplog.text == ""


def test_many_threads_select_one_and_peek_without_disturbing_each_other() -> None:
    """Peeking once wrote to the process's environment: 44 of 1,920 calls failed, and a selection was left behind."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    failures: list[BaseException] = []
    selected: list[int] = []

    def work(number: int) -> None:
        try:
            for turn in range(60):
                assert peek_settings("aws-dev").env == "aws-dev"
                assert current_settings(DESCARTESLABS).env == "aws-production"
                os.environ[f"DESCARTESLABS_T{number}"] = str(turn)
                del os.environ[f"DESCARTESLABS_T{number}"]
            selected.append(id(select_env()))
        except BaseException as problem:  # noqa: BLE001 - told to the test
            failures.append(problem)

    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failures == []
    assert len(selected) == 16
    assert len(set(selected)) == 1


@given(name=st.text(max_size=20), domain=st.text(max_size=20).filter(lambda text: "\0" not in text))
def test_no_name_and_no_value_breaks_it_otherwise(name: str, domain: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if domain.isprintable():
            patch.setenv("DESCARTESLABS_DOMAIN", domain)
        if name and name not in DESCARTESLABS.environments:
            with pytest.raises(ConfigError) as caught:
                peek_settings(name)
            assert f"'{name}' doesn't exist" in caught.value.message
        else:
            assert peek_settings(name).env == (name or "aws-production")


@pytest.mark.parametrize("brand", [DESCARTESLABS, EARTHONE], ids=lambda brand: brand.prefix)
def test_it_is_quick_to_import_and_to_ask(brand: Brand) -> None:
    code = (
        "import skykey.values.errors, collections.abc, dataclasses, sys, threading\n"
        "before = set(sys.modules)\n"
        f"from skykey.descarteslabs import brand, config; config.default_domain(brand.{brand.prefix})\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert loaded == [
        "skykey.descarteslabs",
        "skykey.descarteslabs.brand",
        "skykey.descarteslabs.config",
        "skykey.descarteslabs.exceptions",
    ]
