"""The examples of seed 001, "Getting InfluxDB connection information"; only a label and a token are filled in."""

from collections.abc import Callable

from skykey.sandbox import Box

Play = Callable[..., str]

LISTING = """\
from rubin.repertoire import DiscoveryClient


discovery = DiscoveryClient()
databases = await discovery.influxdb_databases()
"""

INFORMATION = """\
from rubin.repertoire import DiscoveryClient


discovery = DiscoveryClient()
token = "..."  # obtained from somewhere else
info = await discovery.get_influxdb_connection_info("some_database", token)
"""


def test_listing_available_databases(play: Play, box: Box) -> None:
    check = """
# ---
assert databases == sorted(databases) and {type(name) for name in databases} == {str}
print(*databases)
"""
    shown = play(LISTING + check, notebook=True)
    assert {"usdf_efd", "usdf_obsenv", "summit_scimma"} <= set(shown.split())
    (seen,) = box.controls.requests()
    assert (seen.path, seen.credential) == ("/repertoire/discovery", None)  # no login for a list


def test_getting_connection_information(play: Play, box: Box) -> None:
    program = INFORMATION.replace("some_database", "usdf_efd").replace("...", box.token, 1)
    check = """
# ---
assert info.url == "https://usdf-rsp.slac.stanford.edu/influxdb/"
assert isinstance(info.url, str)
assert (info.url.host, info.url.port, info.url.path) == ("usdf-rsp.slac.stanford.edu", 443, "/influxdb/")
assert "@" not in info.url
assert info.database == "efd"
assert info.username == "efdreader"
assert info.password.get_secret_value() not in repr(info) + str(info) + str(info.password) + repr(info.password)
assert isinstance(info.schema_registry, str) and info.schema_registry.startswith("http://"), info.schema_registry

# The fields are what another client needs.
import base64, json, ssl, urllib.request
login = f"{info.username}:{info.password.get_secret_value()}".encode()
question = urllib.request.Request(f"{info.url}query?db={info.database}&q=show+measurements")
question.add_header("Authorization", "Basic " + base64.b64encode(login).decode())
with urllib.request.urlopen(question) as answer:
    assert "lsst.sal.ESS.temperature" in answer.read().decode()
"""
    play(program + check, notebook=True)


def test_a_database_of_another_environment(play: Play, box: Box) -> None:
    """The seed: it may not be in the same one. Its own login goes there; the token does not."""
    program = INFORMATION.replace("some_database", "summit_scimma").replace("...", box.token, 1)
    check = """
# ---
print(info.url.host, info.database)
"""
    assert play(program + check, notebook=True) == "second.skykey-sandbox.invalid lsst.scimma\n"
    with_token = [seen for seen in box.controls.requests() if seen.credential]
    assert [seen.host for seen in with_token] == ["usdf-rsp.slac.stanford.edu"]


def test_the_label_and_token_of_the_example_itself(play: Play) -> None:
    program = INFORMATION.replace("info = ", "info = 'unchanged'\nknown = ", 1)
    check = """
# ---
assert known is None  # there is no database of that name, and so "..." was shown to nobody
"""
    play(program + check, notebook=True)
    refused = INFORMATION.replace("some_database", "usdf_efd").replace("info =", "asked =").replace("await ", "")
    check = """
# ---
from rubin.repertoire import RepertoireError, RepertoireWebError
try:
    await asked
except RepertoireWebError as problem:
    assert isinstance(problem, RepertoireError) and problem.status == 401, problem
else:
    raise AssertionError
"""
    play(refused + check, notebook=True)
