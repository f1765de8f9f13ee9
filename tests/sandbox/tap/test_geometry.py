"""The sky, compared with astropy and with a second way to decide: poles and the meridian are no exceptions."""

import math
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from skykey.sandbox.consdb.engine import Engine
from skykey.sandbox.tap.answers import answered
from skykey.sandbox.tap.switches import Switches
from skykey.sandbox.tap.uploads import Upload
from skykey.sandbox.tap.votable import Field

COUNT = 1000
FIELDS = tuple(Field(name, "double") for name in ("ra", "dec"))
ONE = "from cdb_lsstcam.visit1 where visit_id = 2026032000120"
#: near to where arithmetic on angles goes wrong
RA = st.one_of(st.floats(0, 360), st.sampled_from([0.0, 360.0, 1e-9, 359.999999999, 180.0]))
DEC = st.one_of(st.floats(-90, 90), st.sampled_from([90.0, -90.0, 89.999999, -89.999999, 0.0]))


def points(seed: int, ra: float, dec: float, about: float) -> tuple[Any, Any]:
    """Half of them anywhere, half about a place."""
    random = np.random.default_rng(seed)
    centre = SkyCoord(ra * u.deg, dec * u.deg)
    near = centre.directional_offset_by(
        random.uniform(0, 360, COUNT // 2) * u.deg, random.uniform(0, min(2 * about, 179), COUNT // 2) * u.deg
    )
    far = random.uniform(0, 360, COUNT // 2), np.degrees(np.arcsin(random.uniform(-1, 1, COUNT // 2)))
    return np.concatenate([near.ra.deg, far[0]]), np.concatenate([near.dec.deg, far[1]])


def computed(engine: Engine, ra: Any, dec: Any, expression: str) -> Any:
    cursor = engine.open()
    try:
        upload = Upload("p", FIELDS, [ra.tolist(), dec.tolist()])
        query = f"select {expression} from tap_upload.p"
        answer = answered(cursor, query, 10**6, {"p": upload}, Switches())
        return np.array([row[0] for batch in answer.batches for row in batch])
    finally:
        engine.close(cursor)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), ra=RA, dec=DEC, radius=st.floats(1e-6, 179))
def test_circles_and_distances_are_astropys(engine: Engine, seed: int, ra: float, dec: float, radius: float) -> None:
    p, q = points(seed, ra, dec, radius)
    expected = SkyCoord(p * u.deg, q * u.deg).separation(SkyCoord(ra * u.deg, dec * u.deg)).deg
    found = computed(engine, p, q, f"distance(point(ra, dec), point('ICRS', {ra!r}, {dec!r}))")
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-10)
    within = computed(engine, p, q, f"contains(point('ICRS', ra, dec), circle('ICRS', {ra!r}, {dec!r}, {radius!r}))")
    clear = np.abs(expected - radius) > 1e-9
    assert (within == (expected <= radius))[clear].all()
    assert set(within) <= {0, 1}


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    ra=RA,
    dec=DEC,
    size=st.floats(0.001, 60),
    corners=st.integers(3, 7),
    turned=st.booleans(),
)
def test_polygons_have_great_circles_for_sides(
    engine: Engine, *, seed: int, ra: float, dec: float, size: float, corners: int, turned: bool
) -> None:
    centre = SkyCoord(ra * u.deg, dec * u.deg)
    angles = np.linspace(0, 360, corners, endpoint=False) + 0.5
    rim = centre.directional_offset_by(angles * u.deg, size * u.deg)  # convex, so that each side decides alone
    p, q = points(seed, ra, dec, size)
    vectors, rims = SkyCoord(p * u.deg, q * u.deg).cartesian.xyz.value, rim.cartesian.xyz.value
    sides = np.stack([vectors.T @ np.cross(rims[:, (k + 1) % corners], rims[:, k]) for k in range(corners)])
    listed = list(zip(rim.ra.deg.tolist(), rim.dec.deg.tolist(), strict=True))
    flat = ", ".join(repr(number) for corner in (listed[::-1] if turned else listed) for number in corner)
    found = computed(engine, p, q, f"contains(point(ra, dec), polygon('ICRS', {flat}))")
    clear = np.abs(sides).min(axis=0) > 1e-12
    assert (found == (sides > 0).all(axis=0))[clear].all()


@pytest.mark.parametrize(
    ("region", "inside", "outside"),
    [
        ("box('ICRS', 0, 0, 4, 2)", [(359, 0), (1.9, 0.9), (0, -0.9)], [(2.1, 0), (357, 0), (0, 1.1), (180, 0)]),
        ("box(point(180, 45), 2, 2)", [(180.9, 45.5)], [(178, 45), (0, 45), (0, -45)]),
        # A corner cut out of a square: not convex.
        ("polygon(0, 0, 10, 0, 10, 10, 5, 5, 0, 10)", [(1, 1), (1, 8), (9, 8)], [(5, 8), (5, 9), (185, -3)]),
        (
            "polygon(point(350, -5), point(10, -5), point(10, 5), point(350, 5))",
            [(0, 0), (355, 4)],
            [(20, 0), (180, 0)],
        ),
        ("polygon(0, 80, 120, 80, 240, 80)", [(0, 90), (50, 89), (0, 85)], [(0, -90), (60, 80), (0, 79)]),
        ("circle('', point(0, 90), 5)", [(123, 86)], [(123, 84), (123, -86)]),
    ],
)
@pytest.mark.parametrize("name", ["contains", "intersects"])
def test_regions_hold_what_they_should(rows: Any, name: str, region: str, inside: Any, outside: Any) -> None:
    for points, value in ((inside, 1), (outside, 0)):
        for ra, dec in points:
            assert rows(f"select {name}(point('ICRS', {ra}, {dec}), {region}) {ONE}") == [(value,)], (ra, dec)
            if name == "intersects":
                assert rows(f"select {name}({region}, point({ra}, {dec})) {ONE}") == [(value,)]


def test_a_cone_over_the_year(rows: Any) -> None:
    every = rows("select visit_id, s_ra, s_dec from cdb_lsstcam.visit1", limit=10**6)
    cone = "contains(point('ICRS', s_ra, s_dec), circle('ICRS', 359.5, -30, 3)) = 1"
    found = {visit for (visit,) in rows(f"select visit_id from cdb_lsstcam.visit1 where {cone}")}
    sky = SkyCoord([ra for _, ra, _ in every] * u.deg, [dec for *_, dec in every] * u.deg)
    within = sky.separation(SkyCoord(359.5 * u.deg, -30 * u.deg)) <= 3 * u.deg
    assert found == {visit for (visit, *_), near in zip(every, within, strict=True) if near}
    assert len(found) > 3


@pytest.mark.parametrize(
    "region", ["circle('', 10, -20, 30)", "box('', 10, -20, 30, 30)", "polygon(10, 0, 30, 0, 20, -30)"]
)
def test_where_nothing_is_known_of_a_place_nothing_is_said(rows: Any, region: str) -> None:
    query = f"select contains(point(s_ra, s_dec), {region}) as c, s_ra from cdb_lsstcam.exposure"
    found = rows(query, limit=10**6)
    assert {within for within, ra in found if ra is None} == {None}
    assert {within for within, ra in found if ra is not None} == {0, 1}


def test_distances_need_no_points(rows: Any) -> None:
    ((one, other),) = rows(f"select distance(10, 20, 11, 21), distance(point(10, 20), point(11, 21)) {ONE}")
    assert one == other == pytest.approx(1.3710, abs=1e-3)
    assert not math.isnan(rows(f"select distance(1, 2, 1, 2) {ONE}")[0][0])
