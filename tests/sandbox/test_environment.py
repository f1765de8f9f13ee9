import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skykey.sandbox import Box

LOOPBACK = "127.0.0.1,localhost,::1"
BUNDLES = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "GDAL_CURL_CA_BUNDLE"]


def test_it_names_the_site_the_token_and_the_bundle(box: Box) -> None:
    env = box.environment(base={"PATH": "/bin"})
    assert env["PATH"] == "/bin"
    assert env["EXTERNAL_INSTANCE_URL"] == box.site_url
    assert env["REPERTOIRE_BASE_URL"] == f"{box.site_url}/repertoire"
    assert env["ACCESS_TOKEN_FILE"] == str(box.token_file)
    assert {env[name] for name in BUNDLES} == {str(box.bundle_file)}
    assert not any(name.lower().endswith("_proxy") and "http" in name.lower() for name in env)


@pytest.mark.parametrize(
    "name",
    [
        "ACCESS_TOKEN",
        "NUBLADO_TOKEN",
        "NUBLADO_RUNTIME_MOUNTS_DIR",
        "SKYKEY_RUBIN_SITES",
        "EFDAUTH",
        "EXTERNAL_TAP_URL",
        "CLIENT_ID",
        "CLIENT_SECRET",
        "SCITOKEN",
        "SCITOKEN_FILE",
        "BEARER_TOKEN",
        "_CONDOR_CREDS",
        "X509_USER_PROXY",
        "X509_USER_CERT",
        "X509_CERT_DIR",
        "IGWN_AUTH_UTILS_FIND_SCITOKEN",
        *(
            f"{system}_{name}"
            for system in ("DESCARTESLABS", "EARTHONE")
            for name in (
                *("TOKEN", "CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "NO_JWT_CACHE"),
                *("ENV", "DOMAIN", "DEFAULT_DOMAIN", "COMPUTE_URL"),
            )
        ),
    ],
)
@pytest.mark.parametrize("as_real", [False, True])
def test_what_outranks_the_sandbox_is_taken_away(box: Box, name: str, as_real: bool) -> None:
    changes = box.changes(as_real=as_real, base={name: "gt-real"})
    assert changes.unset == (name,)
    assert "gt-real" not in changes.applied_to({name: "gt-real"}).values()


@pytest.mark.parametrize("system", ["DESCARTESLABS", "EARTHONE"])
def test_the_imagery_platform_is_met_on_loopback(box: Box, system: str) -> None:
    env = box.environment(base={f"{system}_IAM_URL": "https://mine", f"{system}_TOKEN_INFO_PATH": "/mine"})
    assert env[f"{system}_IAM_URL"] == box.iam_url
    assert env[f"{system}_PLATFORM_URL"] == box.platform_url
    assert env[f"{system}_APP_URL"] == box.app_url
    assert env[f"{system}_TOKEN_INFO_PATH"] == str(box.login_file)
    assert len({box.site_url, box.iam_url, box.platform_url, box.app_url}) == 4
    assert box.login["revoke_url"] == f"{box.iam_url}/revoke"


@pytest.mark.parametrize(
    ("system", "issuer"),
    [
        ("DESCARTESLABS", "https://iam.production.aws.descarteslabs.com"),
        ("EARTHONE", "https://iam.production.earthone.earthdaily.com"),
    ],
)
def test_the_imagery_platform_as_real_has_its_own_address_and_a_login_for_it(
    box: Box, system: str, issuer: str
) -> None:
    env = box.environment(as_real=True, base={f"{system}_IAM_URL": "https://mine"})
    assert not {f"{system}_IAM_URL", f"{system}_PLATFORM_URL", f"{system}_APP_URL"} & set(env)
    file = Path(env[f"{system}_TOKEN_INFO_PATH"])
    assert file.parent == box.folder
    login = json.loads(file.read_text())
    assert login["revoke_url"] == f"{issuer}/revoke"  # a login never names an address of the other mode
    assert login["client_secret"] != box.login["client_secret"]


def test_gracedb_is_met_on_loopback_or_as_real_each_with_a_token_of_its_own_issuer(box: Box) -> None:
    mine = {"GRACEDB_SERVICE_URL": "https://mine", "BEARER_TOKEN_FILE": "/mine"}
    here, real = (box.changes(as_real=as_real, base=mine) for as_real in (False, True))
    assert here.set["GRACEDB_SERVICE_URL"] == box.gracedb_url
    assert "GRACEDB_SERVICE_URL" in real.unset
    assert here.set["BEARER_TOKEN_FILE"] == str(box.gracedb_token_file)
    issuers = []
    for changes in (here, real):
        said = Path(changes.set["BEARER_TOKEN_FILE"]).read_text().split(".")[1]
        issuers.append(json.loads(base64.urlsafe_b64decode(said + "=="))["iss"])
    assert issuers == [box.gracedb_issuer_url, "https://cilogon.org/igwn"]


def test_a_token_file_and_a_site_of_the_user_are_replaced(box: Box) -> None:
    mine = {"ACCESS_TOKEN_FILE": "/mine", "EXTERNAL_INSTANCE_URL": "https://mine", "NETRC": "/mine"}
    assert not set(mine.values()) & set(box.environment(base=mine).values())


@pytest.mark.parametrize(
    ("mine", "becomes"),
    [
        ({}, LOOPBACK),
        ({"NO_PROXY": "example.org"}, f"example.org,{LOOPBACK}"),
        ({"NO_PROXY": "upper", "no_proxy": "lower"}, f"lower,{LOOPBACK}"),
        ({"no_proxy": "localhost , 127.0.0.1"}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_a_proxy_of_the_user_stays_and_loopback_goes_past_it(box: Box, mine: dict[str, str], becomes: str) -> None:
    env = box.environment(base={"HTTPS_PROXY": "http://proxy:3128"} | mine)
    assert env["HTTPS_PROXY"] == "http://proxy:3128"
    assert env["NO_PROXY"] == env["no_proxy"] == becomes


def test_as_real_lets_no_setting_of_the_user_lead_past_it(box: Box) -> None:
    mine = dict.fromkeys(["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "http_proxy"], "http://proxy:3128")
    env = box.environment(as_real=True, base=mine | {"NO_PROXY": ".stanford.edu"})
    assert env["EXTERNAL_INSTANCE_URL"] == "https://usdf-rsp.slac.stanford.edu"
    assert env["REPERTOIRE_BASE_URL"] == "https://usdf-rsp.slac.stanford.edu/repertoire"
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        assert env[name] == box.proxy_url
    assert env["NO_PROXY"] == env["no_proxy"] == LOOPBACK
    assert not {"ALL_PROXY", "all_proxy"} & set(env)


def test_shell_lines_survive_quotes(box: Box) -> None:
    changes = box.changes(base={"ACCESS_TOKEN": "x", "NO_PROXY": "it's a 'name'"})
    script = changes.as_shell() + f"\n{sys.executable} -c 'import json,os; print(json.dumps(dict(os.environ)))'"
    env = {"ACCESS_TOKEN": "x", "PATH": os.environ["PATH"]}
    shown = json.loads(subprocess.check_output(["/bin/sh", "-c", script], env=env))
    assert "ACCESS_TOKEN" not in shown
    assert {name: shown[name] for name in changes.set} == changes.set


CLIENTS = {
    # what each stack reads: SSL_CERT_FILE and HTTPS_PROXY, in its own way
    "httpx2": "import httpx2; print(httpx2.get(URL).status_code)",
    "httpx": "import httpx; print(httpx.get(URL).status_code)",
    "urllib": "import urllib.request; r = urllib.request.urlopen(URL); print(r.status); r.close()",
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("as_real", [False, True])
def test_ordinary_clients_reach_it_unchanged(box: Box, client: str, as_real: bool) -> None:
    pytest.importorskip(client)
    site = "https://usdf-rsp.slac.stanford.edu/repertoire/" if as_real else f"{box.site_url}/repertoire/"
    for url in (site, f"{box.second_url}/influxdb/health"):
        code = CLIENTS[client].replace("URL", repr(url))
        out = subprocess.check_output([sys.executable, "-c", code], env=box.environment(as_real), text=True)
        assert out.strip() == "200", url
