"""Files: versions, contents and parts of them; and bodies of requests, however they arrive."""

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.sandbox import Box
from skykey.sandbox.gracedb import forms
from skykey.sandbox.gracedb.errors import Refused


@pytest.fixture(params=["events", "superevents"])
def path(request: pytest.FixtureRequest, event: Any, superevent: Any) -> str:
    return f"events/{event()}" if request.param == "events" else f"superevents/{superevent()}"


@pytest.fixture
def write(api: Any, path: str) -> Callable[..., Any]:
    def write(name: str, content: bytes) -> Any:
        logs = f"{path}/log/" if path.startswith("events") else f"{path}/logs/"
        return api(logs, "POST", {"comment": "x"}, files={"upload": (name, content)})

    return write


def test_each_name_has_versions_and_the_plain_one_is_the_newest(api: Any, path: str, write: Any) -> None:
    made = [write("a.txt", content).json for content in (b"one", b"two")]
    assert [(log["filename"], log["file_version"]) for log in made] == [("a.txt", 0), ("a.txt", 1)]
    assert made[1]["file"].endswith("/a.txt,1")
    bodies = [api(f"{path}/files/{name}").body for name in ("a.txt", "a.txt,0", "a.txt,1")]
    assert bodies == [b"two", b"one", b"two"]
    assert api(made[0]["file"]).body == b"one"
    for name in ("a.txt,2", "a.txt,x", "a.txt,", "b.txt"):
        answer = api(f"{path}/files/{name}")
        assert (answer.status, answer.json) == (404, f"File {name} not found")
    assert api(f"{path}/files/a.txt,0,1").status == (404 if path.startswith("events") else 400)


def test_lists_in_both_shapes(api: Any, path: str, write: Any) -> None:
    write("a.txt", b"one")
    flat, rows = api(f"v1/{path}/files/").json, api(f"v2/{path}/files/").json["files"]
    assert {"a.txt", "a.txt,0"} <= set(flat)
    assert sorted(row["filename"] for row in rows) == sorted(flat)
    assert api(flat["a.txt,0"]).body == b"one"
    assert {row["file_version"] for row in rows if row["filename"] == "a.txt,0"} == {0}


@pytest.mark.parametrize("name", ["a b.txt", "a#b?c.txt", "größe.txt", "a%20b.txt", "a;b=c&d.txt"])
def test_names_are_quoted_in_addresses(api: Any, write: Any, path: str, name: str) -> None:
    made = write(name, b"x").json
    assert made["filename"] == name
    assert api(made["file"]).body == b"x"
    assert api(f"{path}/files/{quote(name, safe='')}").body == b"x"


@pytest.mark.parametrize("name", ["a,0", "", "..", "a\0b"])
def test_names_that_no_file_can_have(write: Any, name: str) -> None:
    assert write(name, b"x").status == 400


def test_a_path_in_a_name_is_dropped(write: Any) -> None:
    assert [write(name, b"x").json["filename"] for name in ("/etc/passwd", "..\\..\\x.y")] == ["passwd", "x.y"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "text/plain"),
        ("a.log", "text/plain"),
        ("a.json", "application/json"),
        ("a.fits.gz", "application/octet-stream"),
        ("a.unheard_of", "application/octet-stream"),
    ],
)
def test_kinds_are_guessed_from_the_name(api: Any, write: Any, name: str, kind: str) -> None:
    answer = api(write(name, b"x").json["file"])
    assert answer.headers["Content-Type"].partition(";")[0] == kind
    assert answer.headers["Content-Disposition"] == ("attachment" if kind.endswith("stream") else None)


def test_a_part_of_a_file_is_that_of_the_version_that_was_begun(api: Any, path: str, write: Any) -> None:
    write("a.bin", b"0123456789")
    url = f"{path}/files/a.bin"
    tag = api(url).headers["ETag"]
    assert tag == f'"{hashlib.sha256(b"0123456789").hexdigest()}"'
    rest = api(url, headers={"Range": "bytes=4-", "If-Range": tag})
    assert (rest.status, rest.body, rest.headers["Content-Range"]) == (206, b"456789", "bytes 4-9/10")
    write("a.bin", b"abcdefghij")
    whole = api(url, headers={"Range": "bytes=4-", "If-Range": tag})
    assert (whole.status, whole.body) == (200, b"abcdefghij")
    assert api(url, headers={"Range": "bytes=99-"}).status == 416
    assert api(url, "HEAD").headers["Content-Length"] == "10"


def test_a_content_is_kept_once(write: Any, folder: Path) -> None:
    content = b"the same" * 100
    for name in ("a", "b"):
        write(name, content)
    kept = folder / "files" / hashlib.sha256(content).hexdigest()
    assert kept.read_bytes() == content
    assert not list((folder / "files").glob(".*"))


def test_an_upload_that_breaks_off_leaves_nothing(api: Any, box: Box, folder: Path, event: Any) -> None:
    name = event()
    address = urlsplit(box.gracedb_url)
    files = len(list((folder / "files").iterdir()))
    with socket.create_connection((address.hostname, address.port)) as sock:
        head = f"POST /api/events/{name}/log/ HTTP/1.1\r\nHost: x\r\nUser-Agent: x\r\nContent-Length: 100000\r\n"
        head += f"Authorization: Bearer {box.gracedb_token}\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        sock.sendall(head.encode() + b'--b\r\nContent-Disposition: form-data; name="upload"; filename="x"\r\n\r\nabc')
    while len(list((folder / "files").iterdir())) > files:
        api("")
    assert api(f"events/{name}/log/").json["numRows"] == 1


# -- bodies


class _Kept:
    def __init__(self, filename: str) -> None:
        self.filename, self.content, self.is_dropped = filename, b"", False

    def write(self, piece: bytes) -> None:
        self.content += piece

    def drop(self) -> None:
        self.is_dropped = True


async def read(pieces: list[bytes], kind: str) -> tuple[forms.Form, dict[str, bytes]]:
    async def stream() -> Any:
        for piece in pieces:
            yield piece

    request: Any = SimpleNamespace(method="POST", headers={"content-type": kind}, stream=stream)
    kept: list[_Kept] = []

    def begin(filename: str, _kind: str) -> Any:
        kept.append(_Kept(filename))
        return kept[-1]

    async with forms.read(request, begin) as form:
        assert not any(one.is_dropped for one in kept)
        files = {name: upload.content for name, upload in form.files.items()}  # type: ignore[attr-defined]
    assert all(one.is_dropped for one in kept)
    return form, files


def run(pieces: list[bytes], kind: str) -> tuple[forms.Form, dict[str, bytes]]:
    coroutine = read(pieces, kind)
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: tuple[forms.Form, dict[str, bytes]] = done.value
        return result
    raise AssertionError("it waits for something")


_awkward = st.lists(st.sampled_from([b"\r", b"\n", b"--", b"a-boundary", b"\r\n--a-boundary"[:9], b"x", b"\0"])).map(
    b"".join
)
_content = (_awkward | st.binary(max_size=60)).filter(lambda content: b"\r\n--a-boundary" not in b"\r\n" + content)


@given(_content, st.lists(st.text("abcäö ,&\n").filter(lambda text: "\n" not in text), max_size=3), st.data())
def test_parts_are_the_same_however_the_wire_cuts_them(
    multipart: Any, content: bytes, values: list[str], data: Any
) -> None:
    body = multipart({"v": values, "last": "1"}, {"file": ("näme.x", content)})
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    form, files = run(pieces, "multipart/form-data; boundary=a-boundary")
    assert form.fields == ({"v": values} if values else {}) | {"last": ["1"]}
    assert files == {"file": content}
    assert form.files["file"].filename == "näme.x"


@given(st.integers(0, 200))
def test_a_body_of_parts_without_its_end_is_refused(multipart: Any, cut: int) -> None:
    body = multipart({"v": "1"}, {"file": ("x", b"abc")})
    with pytest.raises(Refused):
        run([body[: min(cut, len(body) - 5)]], 'multipart/form-data; boundary="a-boundary"')


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b""),
        ("application/json", b"{"),
        ("application/json", b"[" * 100_000),
        ("application/x-www-form-urlencoded", b"\xff"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"x" * 20_000),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: x; filename*=idna''%ff\r\n\r\n\r\n--b--"),
        ("application/x-www-form-urlencoded", b"x" * (17 * 2**20)),
    ],
)
def test_nonsense_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(Refused):
        run([body], kind)


@pytest.mark.parametrize("size", [15 * 2**20, 17 * 2**20])
def test_what_is_no_file_has_a_limit(multipart: Any, size: int) -> None:
    kind, body = "multipart/form-data; boundary=a-boundary", multipart({"x": "x" * size}, {"f": ("f", b"y" * size)})
    if size < 16 * 2**20:
        assert len(run([body], kind)[1]["f"]) == size
        return
    with pytest.raises(Refused) as refused:
        run([body], kind)
    assert refused.value.status == 413


def test_json_and_forms_say_the_same() -> None:
    form, _ = run([b'{"a": 1, "b": ["x", "y"], "c": null, "d": true}'], "application/json")
    assert (form.get("a"), form.many("b"), form.get("c"), form.get("d")) == ("1", ["x", "y"], None, "true")
    form, _ = run([b"a=1&b=x,%20y&b=z&a="], "application/x-www-form-urlencoded")
    assert (form.get("a"), form.many("b"), form.get("c")) == ("1", ["x", "y", "z"], None)
