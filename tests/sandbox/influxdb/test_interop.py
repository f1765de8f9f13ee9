"""The sandbox's InfluxDB beside Debian's: the same questions, the same bytes."""

import contextlib
import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from skykey.sandbox.influxdb import InfluxService, bundled
from skykey.sandbox.influxdb.store import Store
from tools import parts

pytestmark = pytest.mark.interop

# What the bundled data does not have: every escape, edges of the types, tags that are missing, equal times.
ODD = r"""
m,site=b,instr=L f=1.5,i=1i,s="a \"q\", <&>\\ é",b=true 1000000000000000001
m,site=a f=-0.0,i=9007199254740993i,b=false 1000000000000000000
m f=1e21,s="" 1000000100123456789
m,site=a,instr=L f=1e-7,i=-5i 1000000000500000000
m,site=a,instr=L f=100,i=-5i,s="newline
x" 1000000001000000000
types f=1.7976931348623157e308,i=9223372036854775807i,s="" 1
types f=5e-324,i=-9223372036854775808i,s="  ��" 2
types f=0.000001,i=127i,s="	" -1
types f=9.5e-7,i=128i -1500000000
types f=123456789012345680000,i=-33i,b=true 4
types i=32768i,b=false 5
tie,k=c v=0i 5
tie,k=a v=1i 5
tie,k=b v=2i 5
tie,k=a v=3i 6
esc\ m\,x,a\ b\=c=d\,e\ f\=g f\ \,\=h="q" 1
"""


@dataclass
class Both:
    url: str
    authorization: str
    sandbox: TestClient

    def real(self, path: str, body: bytes | None = None, accept: str = "*/*", **parameters: str) -> tuple[int, bytes]:
        address = f"{self.url}/{path}?{urlencode(parameters)}"
        request = urllib.request.Request(address, body, {"Authorization": self.authorization, "Accept": accept})
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def ours(self, accept: str = "*/*", **parameters: str) -> tuple[int, bytes]:
        headers = {"Accept": accept, "Accept-Encoding": "identity", "Authorization": self.authorization}
        response = self.sandbox.get("/query", params=parameters, headers=headers)
        return response.status_code, response.content

    def agree(self, q: str, db: str = "odd", **parameters: str) -> None:
        """JSON and CSV to the byte; MessagePack too, but for the order of tags, which Go leaves to chance."""
        asked = {"q": q, "db": db, **parameters}
        for accept in ("*/*", "text/csv"):
            assert self.ours(accept, **asked) == self.real("query", accept=accept, **asked)
        real, ours = self.real("query", accept=PACKED, **asked), self.ours(accept=PACKED, **asked)
        assert (ours[0], len(ours[1]), unpacked(ours[1])) == (real[0], len(real[1]), unpacked(real[1]))


PACKED = "application/x-msgpack"


def unpacked(content: bytes) -> list[Any]:
    unpacker = msgpack.Unpacker(strict_map_key=False)
    unpacker.feed(content)
    # A text form tells 1 from 1.0 and -0.0 from 0.0.
    return [json.dumps(document, sort_keys=True, default=repr) for document in unpacker]


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    store = Store()
    store.load_parquet(bundled.DATA / "night.parquet")
    store.load_points("efd", (bundled.DATA / "efd_sample.lp").read_text(encoding="utf-8"))
    store.load_points("odd", ODD.strip())
    store.write("written", [])
    store.lock()
    with parts.influxdb(password="secret") as server, contextlib.ExitStack() as stack:
        print(f"\nInfluxDB {server.version}")
        service = InfluxService({server.user: "secret"}, store, writers={server.user})
        client = stack.enter_context(TestClient(service.app))
        login = b64encode(f"{server.user}:secret".encode()).decode()
        both = Both(server.url.rstrip("/"), f"Basic {login}", client)
        for database in store.databases:
            assert both.real("query", b"", q=f'CREATE DATABASE "{database}"')[0] == 200
            batches = store.line_protocol(database) if database != "odd" else [ODD.strip()]
            for batch in batches:
                assert both.real("write", batch.encode(), db=database) == (204, b"")
        yield both


TOPICS = {
    "lsst.sal.MTMount.elevation": ("efd", ["actualPosition", "demandVelocity", "salIndex", "nope"]),
    "lsst.sal.ESS.temperature": ("efd", ["temperatureItem0", "temperatureItem3", "sensorName", "salIndex"]),
    "lsst.sal.fooSubSys.test": ("efd", ["foo", "egg0", "tstamp", "hamegg9"]),
    "lsst.obsenv.summary": ("lsst.obsenv", ["obsenv_version", "branch_is_clean", "commits_ahead"]),
    "lsst.prompt.prod.numDiaSourcesGood": (
        "lsst.prompt",
        ["numDiaSourcesGood", "visit", "band", "detector", "instrument"],
    ),
    "lsst.scimma.gw_alert": ("lsst.scimma", ["far", "significant", "event", "instruments"]),
    "m": ("odd", ["f", "i", "s", "b", "site", "instr"]),
    "types": ("odd", ["f", "i", "s", "b"]),
}
literals = st.one_of(
    st.sampled_from(["''", "'a'", "'L'", "'r'", "'22'", "'OuterDome'", "'v0.9.1'", "true", "false", "1.5", "0", "-5"]),
    st.sampled_from(["9007199254740993", "9007199254740992.0", "111", "60.0", "140"]),
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats(-1e6, 1e6).map(lambda number: f"{number:.9f}"),
)


@st.composite
def moments(draw: st.DrawFn, measurement: str) -> str:
    if measurement == "types":
        return str(draw(st.integers(-2_000_000_000, 10)))
    if measurement == "m":
        start = 1_000_000_000 * 10**9 + draw(st.integers(-1, 2 * 10**9))
    elif measurement == "lsst.sal.fooSubSys.test":
        start = 1_580_252_655 * 10**9 + draw(st.integers(0, 1_000 * 10**9))
    else:
        start = 1_774_047_180 * 10**9 + draw(st.integers(0, 42_840 * 10**9))
    seconds, rest = divmod(start, 10**9)
    stamp = datetime.fromtimestamp(seconds, UTC)
    digits = draw(st.integers(1, 9))
    fraction = f"{rest:09}"[:digits]
    return draw(
        st.sampled_from(
            [
                str(start),
                f"'{stamp:%Y-%m-%dT%H:%M:%S}.{fraction}Z'",
                f"'{stamp:%Y-%m-%d %H:%M:%S}.{fraction}'",
                f"'{stamp:%Y-%m-%d %H:%M:%S}'",
                f"'{stamp:%Y-%m-%dT%H:%M:%S}Z' - 90s",
                f"'{stamp:%Y-%m-%dT%H:%M:%S}+02:00' + 2h",
            ]
        )
    )


@st.composite
def selects(draw: st.DrawFn) -> tuple[str, str]:
    measurement = draw(st.sampled_from(list(TOPICS)))
    database, fields = TOPICS[measurement]
    chosen = draw(st.one_of(st.just(["*"]), st.lists(st.sampled_from(["*", "nope", *fields]), min_size=1, max_size=5)))
    text = f'SELECT {", ".join(chosen)} FROM "{measurement}"'
    signs = draw(st.lists(st.sampled_from([">", ">=", "<", "<=", "="]), max_size=2))
    conditions = [f"time {sign} {draw(moments(measurement))}" for sign in signs]
    for _ in range(draw(st.integers(0, 2))):
        sign = draw(st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="]))
        conditions.append(f"{draw(st.sampled_from(['nope', *fields]))} {sign} {draw(literals)}")
    if conditions:
        text += " WHERE " + " AND ".join(conditions)
    text += draw(st.sampled_from(["", "", " GROUP BY *", " GROUP BY band", " GROUP BY site, nope", " GROUP BY instr"]))
    text += draw(st.sampled_from(["", " ORDER BY time", " ORDER BY DESC", " ORDER BY time DESC", " ORDER BY ASC"]))
    # Always a limit for the long ones, or it takes minutes.
    if draw(st.booleans()) or database == "efd":
        text += f" LIMIT {draw(st.integers(1, 3_000))}"
        text += draw(st.sampled_from(["", " OFFSET 0", " OFFSET 2", " OFFSET 40"]))
    return text, database


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    selects(),
    st.sampled_from(["", "ns", "u", "ms", "s", "m", "h", "x"]),
    st.one_of(st.none(), st.integers(-1, 4), st.integers(1, 4_000)),
)
def test_random_selects(both: Both, select: tuple[str, str], epoch: str, size: int | None) -> None:
    text, database = select
    chunks = {} if size is None else {"chunked": "true", "chunk_size": str(size)}
    both.agree(text, database, epoch=epoch, **chunks)


FUNCTIONS = ["count", "sum", "mean", "min", "max", "first", "last"]
NUMERIC = {"f", "i", "foo", "egg0", "hamegg9", "actualPosition", "demandVelocity", "far", "numDiaSourcesGood", "visit"}


@st.composite
def aggregates(draw: st.DrawFn) -> tuple[str, str]:
    topics = ["lsst.sal.MTMount.elevation", "lsst.sal.fooSubSys.test", "lsst.prompt.prod.numDiaSourcesGood", "m"]
    measurement = draw(st.sampled_from(topics))
    database, fields = TOPICS[measurement]
    columns = st.sampled_from([*sorted(NUMERIC.intersection(fields)), "nope"])
    pairs = st.tuples(st.sampled_from(FUNCTIONS), columns).map(lambda pair: f"{pair[0]}({pair[1]})")
    if draw(st.booleans()):
        chosen = draw(st.lists(pairs, min_size=1, max_size=3))
    else:  # names, each of them once
        names = draw(st.lists(st.sampled_from(["x", '"a b"', "mean", '"Time"']), unique=True, max_size=3))
        chosen = [f"{draw(pairs)} AS {name}" for name in names]
        chosen += [f"{function}(*)" for function in draw(st.sets(st.sampled_from(FUNCTIONS), min_size=1, max_size=2))]
    start = {"m": 1_000_000_000, "lsst.sal.fooSubSys.test": 1_580_252_655}.get(measurement, 1_774_047_180)
    start += draw(st.integers(0, 2 if measurement == "m" else 900))
    bounds = [f"time >= {start}s", f"time <= {start + draw(st.integers(0, 1_500))}s"]
    width = draw(st.sampled_from(["", "", "7s", "1m", "1h", "1d"]))
    shift = draw(st.sampled_from(["", ", 1s", ", -250ms"]))
    groups = draw(st.sampled_from([[], [], ["*"], ["site"], ["band", "nope"]])) + [f"time({width}{shift})"] * bool(
        width
    )
    text = f'SELECT {", ".join(chosen)} FROM "{measurement}"'
    text += f" WHERE {' AND '.join(bounds)}" if width or draw(st.booleans()) else ""
    text += f" GROUP BY {', '.join(groups)}" if groups else ""
    fills = ["", " fill(null)", " fill(none)"]
    text += draw(st.sampled_from(fills)) if width else ""
    text += draw(st.sampled_from(["", "", " ORDER BY time DESC"]))
    return text + draw(st.sampled_from(["", "", " LIMIT 3", " LIMIT 2 OFFSET 1"])), database


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(aggregates(), st.sampled_from(["", "ns", "s"]), st.sampled_from([None, 1, 3, 1000]))
def test_random_aggregates(both: Both, select: tuple[str, str], epoch: str, size: int | None) -> None:
    chunks = {} if size is None else {"chunked": "true", "chunk_size": str(size)}
    both.agree(*select, epoch=epoch, **chunks)


@pytest.mark.parametrize(
    "q",
    [
        "select count(site), count(f) from m",
        "select count(nope) from m",
        "select time from m where time > 'x'",
        "select mean(f) from nope where time > 'x'",
        "select mean(f) from nope",
        "select f from m where time > 1000000000s and time < 1000000009s group by time(1h)",
        'select mean(*) from "esc m,x"',
        "select count(*) as x, mean(f) as f, mean(i), count(i) as n from m",
        "select f as b, i as f, f as time from m",
        "select max(v), min(v) from tie",
        "select last(v) from tie",
        "select max(f), max(f) from m",
        "select max(*), min(*), first(*), last(*) from types",
        "select sum(i), mean(i) from types where i < 9223372036854775807",
        "select count(f) from types where time >= -5 and time < 6 group by time(2ns)",
        "select sum(f), mean(f) from types where time > 1 group by b",
        "select count(f) from m where time >= 999999999s and time < now() group by time(52w) order by desc limit 2",
        "select count(f), last(s) from m where time <= 1000000002s group by time(1s), site fill(none) limit 9",
        "select count(f), last(s), max(f) from m where time = 1000000000s group by time(1s), site",
        "select count(f) from m where time > now() + 1h group by time(1m)",
        "select count(f) from m where time > now() - 1h group by time(1m)",
        "select count(f) /* a */ as /* a */ x from m where time = 1000000000s group by time(1m) /* a */ fill(none)",
        "select mean(f) from m where time >= 1000000000s and time < 1000000003s group by site, time(700ms, 100ms)",
    ],
)
def test_functions(both: Both, q: str) -> None:
    both.agree(q)
    both.agree(q, chunked="true", chunk_size="1")


WRITES = r"""
a v=1 1|a v=2,b="x" 1|a,t=x v=3,b="" 1|a,t=y,u=z v=1,b="w" 4|||# c%a v=1,b="y" 9|broken|broken%broken2|a|a  |a,t=x
 # x%|
a v=1 x|a v=1 1.5|a v=1 1x 1|a v=1 -x|a v=1%a v=x|a v=1 1%broken|a v=1 1%a v=1i 2|a v=1i 1|a v=t 1|new b=true,c=2i 1
a new=1 1|a,v=x v=1 1|a, v=1| v=1|a,|a,t v=1|a,t= v=1|a,=x v=1|a,t=1,t=2 v=1|a v|a v=|a =1|a v=1,|a v=1,w|a v="x|a v=x
a v=1x|a v=1i5|new c=9223372036854775808i 1|a v=1e999|a v=NaN|a v=Inf|a v=1 1 1|a v=1 99999999999999999999|a v=1 - 1
a v=1 9223372036854775807|a v=1 -9223372036854775807|a v=1u|a,t=a\ b v=1,b="q"  7|a time=1|a,time=1 v=1|a v=1,time=2 5
a v= 1|a v=-|a v=+1|a v=.5 5|a v=1. 5|a v=0x1|a v=1e5 5|a v=--1|a v=1 -5|a v=tRUE|c v=T,w=F,x=TRUE,y=False 1|a v=i
a b="\"" 5|a b="" 6|a v=1_0|,t=1 v=1|é,ü=ß v="ö" 6|a v=1.2.3|a v=01 1|d v=00i 1|a v==1|a v=1=2|e,b=c=d v=1|a v=1 + 2
a v=1,v=2 77|a,t=a\,b v=1 3|a\,b,t=\=\  v=1 3|f f\ \,\==1 2|f,t=x\\,u=y f\ \,\==3 4
f f\ \,\==2 604800000000000|f g=2 604800000000000
"""


def test_writes(both: Both) -> None:
    """The same answers to the same bodies, or a refusal that writes nothing; and then the same data."""
    refused = 0
    for body in WRITES.strip("\n").replace("\n", "|").split("|"):
        sent, headers = body.replace("%", "\n").encode(), {"Authorization": both.authorization}
        for accept in ("*/*", PACKED, "text/csv"):
            ours = both.sandbox.post("/write?db=written", content=sent, headers={**headers, "Accept": accept})
            if b"--real influxdb" in ours.content:
                assert ours.status_code == 400
                refused += 1
            else:
                assert (ours.status_code, ours.content) == both.real("write", sent, accept, db="written"), body
    assert refused < 3 * 60
    for name in ("a", "c", "d", "é", "f", "new", "a,b"):
        both.agree(f'select * from "{name}" group by *', "written")
        both.agree(f'show field keys from "{name}"', "written")
    both.agree("show tag keys", "written")


@pytest.mark.parametrize("measurement", TOPICS)
@pytest.mark.parametrize("size", [None, "777"])
def test_whole_topics(both: Both, measurement: str, size: str | None) -> None:
    chunks = {} if size is None else {"chunked": "true", "chunk_size": size}
    both.agree(f'select * from "{measurement}"', TOPICS[measurement][0], **chunks)
    both.agree(f'select * from "{measurement}" group by * order by desc', TOPICS[measurement][0], epoch="ns", **chunks)


@pytest.mark.parametrize("database", ["efd", "lsst.obsenv", "lsst.prompt", "lsst.scimma", "odd", "nope", ""])
@pytest.mark.parametrize("size", ["1", "3", "0"])
def test_show(both: Both, database: str, size: str) -> None:
    for q in (
        "show measurements",
        "SHOW FIELD KEYS",
        'show field keys from "m"',
        'show field keys from "odd"."autogen"."m"',
        "show tag keys",
        "show tag keys from m",
        "show databases",
        "show measurements on odd",
        "show measurements on nope",
        'show measurements on ""',
        "show field keys on odd from m",
        "show tag keys on odd",
        "show tag keys from odd.autogen.m",
    ):
        both.agree(q, database)
        both.agree(q, database, chunked="true", chunk_size=size)


@pytest.mark.parametrize(
    "q",
    [
        ";",
        "select f,f,f_1,f from m",
        # At equal times 1.6.7 sorts by the text of what was asked for, and by chance where there is none.
        "select v, k from tie",
        "select * from tie order by desc limit 2 offset 1",
        "select v from tie group by *",
        "select time, f from m",
        "select time from m",
        "select site from m",
        "select f from m; select time from m; select i from m; select i from m",
        "select f from m limit 1; show measurements; select f from nope",
        'select * from "esc m,x" group by *',
        "select * from m group by f",
        'select f from ""',
        "select f from nope.autogen.m",
        "select f from odd.nope.m",
        "select f from odd..m",
        "select f from m limit 0",
        "select f from m limit 99999999999999999999",
        "select f from m limit 1 /* tag */",
        "select f from m -- tag",
        "/* tag */show measurements",
        "select f from m where time > 'x'",
        "select f from m where time > 'x' + 1s",
        "select f from m where time > '2001-02-30'",
        "select f from m where time > '2001-09-09T01:46:40'",
        "select f from m where time > '2001-09-09 01:46:40Z'",
        "select f from m where time > '2001-09-09T1:46:40,5Z'",
        "select f from m where time > '2001-09-09T01:46:40+0200'",
        "select f from m where time > true",
        "select f from m where time <> 1",
        "select f from m where time < '9999-12-31T00:00:00Z'",
        "select f from m where time > '1677-09-21T00:12:43.145224194Z'",
        "select f from m where time < '2262-04-11T23:47:16.854775807Z'",
        "select f from m where time > now() - 1h",
        "select f from m where time < now() + 1h - 2w",
        "select f from m where Time > 5 and TIME < 5",
    ],
)
def test_statements(both: Both, q: str) -> None:
    both.agree(q)
    both.agree(q, chunked="true", chunk_size="1")


@pytest.mark.parametrize(
    "q",
    [
        "",
        "/* no end",
        "foo",
        "select",
        "select f from m /* tag */",
        'select f from "m" /* tag */ limit 1',
        "select f from autogen.m /* tag */",
        "select f from m;/* tag */select f from m",
        "select /* tag */ f from m",
        "select f, /* tag */ i from m",
        "select f from /* tag */ m",
        "select f from m group by /* tag */ *",
        'show field keys from "m" /* tag */',
        "select f from m where f = 1e3",
        "select f from m where time > now () - 1h",
        "select f from m where f = --1",
        "select f from m limit -1",
        "select key from m",
    ],
)
def test_what_1_6_7_refuses_is_refused(both: Both, q: str) -> None:
    for accept in ("*/*", PACKED):
        real, ours = both.real("query", accept=accept, db="odd", q=q), both.ours(accept=accept, db="odd", q=q)
        assert real[0] == ours[0] == 400
        if not q:
            assert real == ours


HEADERS = ("content-type", "content-encoding", "www-authenticate", "x-influxdb-version", "x-influxdb-build")
LOGIN = {"Authorization": "Basic YWRtaW46c2VjcmV0"}  # admin:secret
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("accept", ["*/*", PACKED, "application/json, application/x-msgpack", "application/csv"])
@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("GET", "/ping", {}, ""),
        ("HEAD", "/ping", {}, ""),
        ("GET", "/query?q=show+databases", {}, ""),
        ("GET", "/query?q=show+databases", {"Authorization": "Basic YWRtaW46d3Jvbmc="}, ""),
        ("GET", "/query?q=show+databases", {"Authorization": "Basic bm9ib2R5OnNlY3JldA=="}, ""),
        ("GET", "/query?q=show+databases", {"Authorization": "Basic %%"}, ""),
        ("GET", "/query?q=show+databases", {"Authorization": "Bearer x"}, ""),
        ("GET", "/query?q=show+databases", {"Authorization": "Token x"}, ""),
        ("GET", "/query?q=show+databases", {"Authorization": "x"}, ""),
        ("GET", "/query?q=show+databases&u=admin&p=secret", {}, ""),
        ("GET", "/query?q=show+databases&u=admin&p=wrong", LOGIN, ""),
        ("GET", "/query?q=show+databases&u=admin", LOGIN, ""),
        ("GET", "/query?q=show+databases&u=admin", {}, ""),
        ("GET", "/query?db=odd", LOGIN, ""),
        ("GET", "/query?db=odd&q=select+f+from+m", LOGIN | {"Accept-Encoding": "deflate, gzip;q=0"}, ""),
        ("GET", "/query?db=odd&q=select+f+from+m&epoch=ns&epoch=s", LOGIN, ""),
        ("GET", "/query?db=odd&rp=nope&q=select+f+from+m", LOGIN, ""),
        ("GET", "/query?db=odd&rp=autogen&q=select+f+from+m", LOGIN, ""),
        ("POST", "/query", LOGIN | FORM, "db=odd&q=select+f+from+m&epoch=ns"),
        ("POST", "/query?db=nope&epoch=s&q=show+databases", LOGIN | FORM, "db=odd&q=select+f+from+m&epoch=ns"),
        ("POST", "/query?db=odd", LOGIN | {"Content-Type": "text/plain"}, "q=select+f+from+m"),
        ("POST", "/query?q=show+databases", FORM, "u=admin&p=secret"),
        ("POST", "/write?db=odd", {}, "m f=1"),
        ("POST", "/write?db=nope", LOGIN, "m f=1"),
        ("POST", "/write", LOGIN, "m f=1"),
        ("POST", "/write?db=odd&rp=nope", LOGIN, "m f=1"),
        ("POST", "/write?db=written&precision=s", LOGIN, "http v=1 5"),
    ],
)
def test_http(  # noqa: PLR0917
    both: Both, method: str, path: str, headers: dict[str, str], body: str, accept: str
) -> None:
    sent = {"Accept": accept, "Accept-Encoding": "identity", **headers}
    with httpx2.Client(trust_env=False) as client:
        real = client.request(method, both.url + path, headers=sent, content=body)
    ours = both.sandbox.request(method, path, headers=sent, content=body)

    assert (ours.status_code, ours.content) == (real.status_code, real.content)
    assert {name: ours.headers.get(name) for name in HEADERS} == {name: real.headers.get(name) for name in HEADERS}
    assert ("x-influxdb-error" in ours.headers) == ("x-influxdb-error" in real.headers)
