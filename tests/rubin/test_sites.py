"""Which site is meant: exact hosts only, never silently usdf (rows D14, E4, E5)."""

from pathlib import Path

import pytest

from skykey.rubin.reference_values import API_ENDPOINTS
from skykey.rubin.sites import config_file, find_site, own_site, platform_url, site_names
from skykey.values.errors import OutOfReach, UnknownSite, UsageError
from skykey.values.url import Url
from tests.values.lookalikes import lookalikes

HOSTS = {name: root.removeprefix("https://") for name, root in API_ENDPOINTS.items()}


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    path = config_file()
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def platform(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("EXTERNAL_INSTANCE_URL", url)


def test_outside_any_platform_the_site_is_usdf() -> None:
    site = find_site()
    assert (site.name, site.api_base, site.said_by) == ("usdf", API_ENDPOINTS["usdf"], "the default")
    assert own_site() == site


@pytest.mark.parametrize("name", API_ENDPOINTS)
def test_each_built_in_site_is_found_by_name_and_by_its_exact_host(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_site(name).api_base == API_ENDPOINTS[name]
    assert find_site(name).is_built_in
    for spelling in (
        API_ENDPOINTS[name],
        f"HTTPS://{HOSTS[name].upper()}./",
        f"https://{HOSTS[name]}/nb/",
        f" {API_ENDPOINTS[name]}\n",
    ):
        platform(monkeypatch, spelling)
        assert (find_site().name, find_site().api_base) == (name, API_ENDPOINTS[name])
    assert find_site("summit").name == "summit", "a name goes before the platform"


@pytest.mark.parametrize(
    "host",
    [
        "rsp.base.example",
        "usdf-rsp.slac.stanford.edu.evil.test",
        "usdf-rsp.evil.test",
        "evil-usdf-rsp.slac.stanford.edu",
        "data.lsst.cloud",
        "usdf-embargo-rsp.slac.stanford.edu",
        "summit-lsp.lsst.codes.example",
        "base-lsp.lsst.code",
        "tucson-teststand.lsst.codes",
        "usdf-rsp",
        "10.0.0.1",
        "xn--usdf-rsp.slac.stanford.edu",
    ],
)
def test_e4_an_unknown_platform_is_never_taken_for_usdf(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    platform(monkeypatch, f"https://{host}")
    with pytest.raises(UnknownSite, match=r"is no known site\nNext: pass site=…, or name it: SKYKEY_RUBIN_SITES=NAME="):
        find_site()
    own = own_site()
    assert (own.name, str(own.url.origin)) == (host, f"https://{host}")
    assert not own.is_built_in


def test_e4_no_look_alike_becomes_a_built_in_site(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    for text in lookalikes():
        if "\0" in text:
            continue
        monkeypatch.setenv("EXTERNAL_INSTANCE_URL", text)
        try:
            site = find_site()
        except UnknownSite:
            continue
        here = platform_url()
        if site.is_built_in and here is not None and here.host != HOSTS[site.name]:
            taken.append(text)
    assert taken == []


@pytest.mark.parametrize(
    "text",
    [
        "usdf-rsp.slac.stanford.edu",
        "https://",
        "https://user:s3cr3t@usdf-rsp.slac.stanford.edu",
        "ftp://x",
        "https://a b",
    ],
)
def test_a_platform_that_names_no_url_is_an_error_that_names_the_variable(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform(monkeypatch, text)
    for ask in (find_site, own_site):
        with pytest.raises(UnknownSite, match="EXTERNAL_INSTANCE_URL is not a URL") as caught:
            ask()
        assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_platform_variable_is_no_platform(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    platform(monkeypatch, text)
    assert find_site().name == "usdf"
    assert platform_url() is None


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:9", "[::1]:8443"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_loopback_address_is_itself_a_site(scheme: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    platform(monkeypatch, f"{scheme}://{host}")
    site = find_site()
    assert (site.name, site.api_base) == ("loopback", f"{scheme}://{host}")
    assert str(site.repertoire) == f"{scheme}://{host}/repertoire"
    assert {str(origin) for origin in site.reach.origins} == {f"{scheme}://{host}"}


def test_e5_a_platform_on_plain_http_gets_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    platform(monkeypatch, "http://rsp.example")
    with pytest.raises(OutOfReach, match="plain http"):
        _ = own_site().reach


@pytest.mark.parametrize(
    "name", ["USDF", "", "usdf ", "Summit", "nowhere", "https://usdf-rsp.slac.stanford.edu", "usdf_dev"]
)
def test_an_unknown_name_is_an_error_that_lists_the_sites(name: str) -> None:
    with pytest.raises(ValueError, match="there is no site") as caught:
        find_site(name)
    assert isinstance(caught.value, UnknownSite)
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in API_ENDPOINTS)


def test_a_near_miss_is_offered() -> None:
    with pytest.raises(UnknownSite, match=r"did you mean usdf\?"):
        find_site("USDF")
    with pytest.raises(UnknownSite, match=r"did you mean usdf-dev\?"):
        find_site("usdf_dev")


# -- sites of the user's own


def test_sites_from_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYKEY_RUBIN_SITES", " idf = https://data.lsst.cloud , test=http://127.0.0.1:8080/,,")
    idf = find_site("idf")
    assert (idf.name, idf.api_base, idf.is_built_in) == ("idf", "https://data.lsst.cloud", False)
    assert idf.reach.said_by == "the site idf (the variable SKYKEY_RUBIN_SITES)"
    assert find_site("test").api_base == "http://127.0.0.1:8080"
    assert site_names() == (*API_ENDPOINTS, "idf", "test")
    platform(monkeypatch, "https://data.lsst.cloud/portal")
    assert find_site().name == "idf"
    platform(monkeypatch, "https://data.lsst.cloud:8443")
    with pytest.raises(UnknownSite):
        find_site()


def test_sites_from_the_configuration_and_the_variable_goes_first(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration.write_bytes(
        b'\xef\xbb\xbf[other]\nx = 1\n[rubin.sites.idf]\nurl = "https://data.lsst.cloud"\n'
        b'[rubin.sites.home]\nurl = "https://home.example/rsp/"\nnote = "mine"\n'
    )
    assert find_site("idf").api_base == "https://data.lsst.cloud"
    assert find_site("home").api_base == "https://home.example/rsp"
    assert str(configuration) in find_site("home").reach.said_by
    monkeypatch.setenv("SKYKEY_RUBIN_SITES", "idf=https://elsewhere.example")
    assert find_site("idf").api_base == "https://elsewhere.example"
    assert find_site("home").api_base == "https://home.example/rsp"


def test_no_configuration_is_no_error(configuration: Path) -> None:
    assert not configuration.exists()
    assert site_names() == tuple(API_ENDPOINTS)
    configuration.write_text("")
    assert site_names() == tuple(API_ENDPOINTS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[rubin.sites.idf", "is not TOML"),
        ("[rubin.sites.idf]\n", "has a site without url"),
        ('[rubin.sites]\nidf = "https://data.lsst.cloud"', "has a site without url"),
        ("[rubin]\nsites = 5", "has a site without url"),
        ("rubin = 5", "has a site without url"),
        ("[rubin.sites.idf]\nurl = 5", "a URL is text"),
        ('[rubin.sites.idf]\nurl = "data.lsst.cloud"', "a URL starts with https"),
        ('[rubin.sites.usdf]\nurl = "https://evil.test"', "'usdf', which is taken"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_broken_configuration_is_an_error_that_names_it(text: str, said: str, configuration: Path) -> None:
    configuration.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=said) as caught:
        find_site("idf")
    assert str(configuration) in str(caught.value)
    assert find_site("usdf").api_base == API_ENDPOINTS["usdf"], "a built-in site needs no configuration"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("idf", "without '='"),
        ("=https://data.lsst.cloud", "the name '', which is taken"),
        ("summit=https://evil.test", "'summit', which is taken"),
        ("idf=data.lsst.cloud", "the variable SKYKEY_RUBIN_SITES: a URL starts with https"),
        ("idf=", "the variable SKYKEY_RUBIN_SITES: a URL starts with https"),
    ],
)
def test_a_broken_variable_is_an_error_that_names_it(text: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYKEY_RUBIN_SITES", text)
    with pytest.raises(UsageError, match=said) as caught:
        find_site("idf")
    assert "SKYKEY_RUBIN_SITES" in str(caught.value)


def test_e5_a_configured_site_on_plain_http_is_refused_unless_it_is_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYKEY_RUBIN_SITES", "idf=http://data.lsst.cloud")
    with pytest.raises(OutOfReach, match=r"SKYKEY_RUBIN_SITES\) speaks plain http"):
        find_site("idf")


# -- the program that prints a site's token


PASS = 'token_program = ["/usr/bin/pass", "show", "rubin"]\n'


def test_a_program_is_named_for_a_configured_and_for_a_built_in_site(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_site("usdf").program == ()
    configuration.write_text(f'[rubin.sites.usdf]\n{PASS}[rubin.sites.idf]\nurl = "https://data.lsst.cloud"\n{PASS}')
    for name in ("usdf", "idf", None):
        assert find_site(name).program == ("/usr/bin/pass", "show", "rubin")
    assert find_site("summit").program == ()
    assert site_names() == (*API_ENDPOINTS, "idf")
    assert find_site("usdf").api_base == API_ENDPOINTS["usdf"]
    platform(monkeypatch, "https://data.lsst.cloud/portal")
    assert find_site().program == ("/usr/bin/pass", "show", "rubin")


def test_a_program_does_not_go_along_to_another_url(configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration.write_text(f'[rubin.sites.idf]\nurl = "https://data.lsst.cloud"\n{PASS}')
    monkeypatch.setenv("SKYKEY_RUBIN_SITES", "idf=https://evil.test")
    assert find_site("idf").api_base == "https://evil.test"
    assert find_site("idf").program == ()
    platform(monkeypatch, "https://unknown.example")
    configuration.write_text(f'[rubin.sites."unknown.example"]\nurl = "https://other.example"\n{PASS}')
    assert own_site().name == "unknown.example"
    assert own_site().program == ()


@pytest.mark.parametrize("value", ['"/usr/bin/pass show rubin"', "[]", "[5]", '["a", ["b"]]', '""', "5", "{}", "false"])
def test_a_program_that_is_no_list_of_texts_is_an_error_that_names_the_configuration(
    value: str, configuration: Path
) -> None:
    configuration.write_text(f"[rubin.sites.usdf]\ntoken_program = {value}\n")
    site = find_site("usdf")
    with pytest.raises(
        UsageError, match=r"token_program of usdf is not a list of texts\nNext: token_program = \["
    ) as caught:
        _ = site.program
    assert str(configuration) in str(caught.value)


@pytest.mark.parametrize("mode", [0o666, 0o662, 0o664])
def test_a_configuration_that_others_may_write_names_no_program(mode: int, configuration: Path) -> None:
    configuration.write_text(f'[rubin.sites.usdf]\n{PASS}[rubin.sites.idf]\nurl = "https://data.lsst.cloud"\n')
    configuration.chmod(mode)
    with pytest.raises(UsageError, match=f"other users may write into it\nNext: chmod go-w {configuration}"):
        _ = find_site("usdf").program
    assert find_site("idf").program == (), "without a program it may be as it is"


def test_a_table_for_a_built_in_site_names_a_program_and_no_url(configuration: Path) -> None:
    for text in (f'[rubin.sites.usdf]\nurl = "https://evil.test"\n{PASS}', "[rubin.sites.usdf]\nnote = 1\n"):
        configuration.write_text(text)
        with pytest.raises(UsageError, match="'usdf', which is taken"):
            find_site("idf")
        assert find_site("usdf").api_base == API_ENDPOINTS["usdf"]


@pytest.mark.parametrize("home", [".", "", "config"])
def test_d10_a_configuration_in_the_working_directory_is_not_read(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from platformdirs import user_config_path

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    work = tmp_path / "work"
    for below in (".", "skykey", "config/skykey", ".config/skykey", "rubin", ".skykey"):
        (work / below).mkdir(parents=True, exist_ok=True)
        (work / below / "config.toml").write_text(f'[rubin.sites.usdf]\n{PASS}[rubin.sites.x]\nurl="https://x.example"')
    monkeypatch.chdir(work)
    monkeypatch.setenv("XDG_CONFIG_HOME", home)
    assert find_site("usdf").program == ()
    assert site_names() == tuple(API_ENDPOINTS)
    # An older platformdirs, which takes a relative variable at its word.
    monkeypatch.setattr("platformdirs.user_config_path", lambda _: Path(home) / "skykey")
    assert find_site("usdf").program == ()
    assert site_names() == tuple(API_ENDPOINTS)
    assert user_config_path("skykey").is_absolute()


# -- the base URL of Repertoire


def test_a_named_repertoire_counts_for_this_environments_site_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPERTOIRE_BASE_URL", "https://repertoire.example/here/")
    own = find_site()
    assert str(own.repertoire) == "https://repertoire.example/here"
    assert {str(o) for o in own.reach.origins} == {API_ENDPOINTS["usdf"], "https://repertoire.example"}
    for name in API_ENDPOINTS:
        named = find_site(name)
        assert named.repertoire == f"{API_ENDPOINTS[name]}/repertoire"
        assert {str(o) for o in named.reach.origins} == {API_ENDPOINTS[name]}
    platform(monkeypatch, API_ENDPOINTS["summit"])
    assert find_site().reach.admits(Url("https://repertoire.example/x"))
    platform(monkeypatch, "https://unknown.example")
    assert str(own_site().repertoire) == "https://unknown.example/repertoire"


@pytest.mark.parametrize(
    ("url", "error"), [("repertoire.example", UsageError), ("http://repertoire.example", OutOfReach)]
)
def test_an_unusable_repertoire_is_an_error_that_names_the_variable(
    url: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPERTOIRE_BASE_URL", url)
    with pytest.raises(error, match="REPERTOIRE_BASE_URL"):
        find_site()
    assert find_site("usdf").name == "usdf"
