"""Names of files in the Large File Annex, as telemetry has them, become names at USDF (contract, section 2)."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.rubin.connections import usdf_lfa
from skykey.values.errors import BadUrl, UsageError
from tests.values.canary import CANARY
from tools import parts

BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]", fullmatch=True)
KEYS = st.from_regex(r"[A-Za-z0-9_:%=+,.!'()-][A-Za-z0-9_:%=+,.!'()/-]{0,40}", fullmatch=True)
HOSTS = st.sampled_from(["s3.cp.lsst.org", "s3.tu.lsst.org:9000", "user:word@localhost", "[::1]:80"])
QUERIES = st.sampled_from(["", "?versionId=1", "#part", "?a=/b/c", "?a=b#/c/d"])


@given(HOSTS, BUCKETS, KEYS, QUERIES)
def test_both_forms_of_one_file_are_one_name(host: str, bucket: str, key: str, query: str) -> None:
    expected = f"s3://lfa@{bucket}/{key}"
    assert usdf_lfa(f"https://{host}/{bucket}/{key}{query}") == expected
    assert usdf_lfa(f"HTTP://{host}//{bucket}/{key}") == expected
    assert usdf_lfa(f"s3://{bucket}/{key}") == expected


@given(BUCKETS, KEYS, st.sampled_from(["", "other@", "lfa@"]))
def test_what_has_a_profile_gets_the_one_that_is_asked_for(bucket: str, key: str, profile: str) -> None:
    rewritten = usdf_lfa(f"s3://{profile}{bucket}/{key}")
    assert usdf_lfa(rewritten) == rewritten
    assert usdf_lfa(rewritten, bucket="s3://") == f"s3://{bucket}/{key}"


def test_the_bucket_is_not_lost() -> None:
    """The release makes s3://lfa@Scheduler/x of it."""
    assert usdf_lfa("s3://rubinobs-lfa-cp/Scheduler/x") == "s3://lfa@rubinobs-lfa-cp/Scheduler/x"


NO_FILES = ["", "x", "/a/b", "a/b", "file:///a/b", "s3:/a/b", "gs://a/b", "s3://", "s3://a", "s3://a/", "s3:///b"]
NO_FILES += ["s3://lfa@/b", "s3://a/b\nc", "https://h", "https://h/", "https://h/a", "https://h/a/", "https:///a/b"]
NO_FILES += ["https://h?x=/a/b", "https://h/a#/b"]


@pytest.mark.parametrize("uri", NO_FILES)
def test_what_names_no_file_is_an_error_and_no_other_file(uri: str) -> None:
    with pytest.raises(UsageError, match="not a file in the Large File Annex") as caught:
        usdf_lfa(uri)
    assert caught.value.next == "write it as https://host/bucket/key or s3://bucket/key"


@pytest.mark.parametrize("cell", [None, float("nan"), 7])
def test_a_null_cell_of_telemetry_is_the_same_error(cell: object) -> None:
    with pytest.raises(ValueError, match="not a file"):
        usdf_lfa(cell)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "uri", [f"https://h/a?X-Amz-Signature={CANARY}", f"https://me:{CANARY}@h/a", f"gs://h/{CANARY}@"]
)
def test_an_error_shows_no_signature_and_no_password(uri: str) -> None:
    with pytest.raises(BadUrl) as caught:
        usdf_lfa(uri)
    assert CANARY not in str(caught.value)


# -- the release

FILES = [
    "https://s3.cp.lsst.org/rubinobs-lfa-cp/A:1/f.p",
    "https://s3.cp.lsst.org/rubinobs-lfa-cp/Scheduler:1/Scheduler:1/2025/06/20/Scheduler:1_2025-06-21T01:02:03.456.p",
    "http://lfa.tu.lsst.org/rubinobs-lfa-tuc/a%20b/c",
    "https://h/b/k?x=1#f",
    "https://h//b/k",
]
PROGRAM = """
import sys
from rubin_nights.connections import usdf_lfa
for uri in sys.argv[1:]:
    print(usdf_lfa(uri), usdf_lfa(uri, bucket="s3://"))
"""


@pytest.fixture(scope="module")
def theirs() -> list[str]:
    command = [str(parts.guest("rubin-nights")), "-I", "-c", PROGRAM, *FILES]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout.splitlines()


@pytest.mark.interop
def test_the_release_writes_the_documented_form_in_the_same_way(theirs: list[str]) -> None:
    assert [f"{usdf_lfa(uri)} {usdf_lfa(uri, bucket='s3://')}" for uri in FILES] == theirs
