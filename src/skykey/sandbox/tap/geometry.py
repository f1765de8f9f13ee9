"""The sky: ADQL's regions as arithmetic on unit vectors, so that poles and the meridian are places like any other.

A region is never a value, only an argument. Sides of polygons and boxes are great circles; a polygon is smaller than
half of the sky, and its corners may go round either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from skykey.sandbox.tap.adqlerror import AdqlError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REGIONS = ("POINT", "CIRCLE", "BOX", "POLYGON")
NAMES = ("CONTAINS", "INTERSECTS", "DISTANCE", "COORD1", "COORD2")
_SYSTEMS = ("", "ICRS", "UNKNOWNFRAME")
_CORNERS = 3
#: made once in the database; distances in degrees, after Vincenty: exact at every separation. What a macro is given it
#: repeats wherever it is named, so points and corners are bound once, to a lambda's variable.
MACROS = """
CREATE SCHEMA adql;
CREATE MACRO adql.vector(lon, lat) AS CASE WHEN lon + lat IS NOT NULL THEN
    [cos(radians(lat)) * cos(radians(lon)), cos(radians(lat)) * sin(radians(lon)), sin(radians(lat))]::DOUBLE[3] END;
CREATE MACRO adql.distance(lon1, lat1, lon2, lat2) AS degrees(atan2(
    sqrt((cos(radians(lat2)) * sin(radians(lon2 - lon1))) ** 2
        + (cos(radians(lat1)) * sin(radians(lat2))
            - sin(radians(lat1)) * cos(radians(lat2)) * cos(radians(lon2 - lon1))) ** 2),
    sin(radians(lat1)) * sin(radians(lat2)) + cos(radians(lat1)) * cos(radians(lat2)) * cos(radians(lon2 - lon1))));
CREATE MACRO adql.dot(a, b) AS array_inner_product(a, b);
CREATE MACRO adql.triple(a, b, c) AS array_inner_product(a, array_cross_product(b, c));
CREATE MACRO adql.turn(p, a, b) AS atan2(adql.triple(p, a, b), adql.dot(a, b) - adql.dot(p, a) * adql.dot(p, b));
CREATE MACRO adql.excess(a, b, c) AS
    2 * atan2(adql.triple(a, b, c), 1 + adql.dot(a, b) + adql.dot(b, c) + adql.dot(c, a));
CREATE MACRO adql.inside(point, corners) AS list_transform([{'p': point, 'c': corners}], lambda s:
    list_sum(list_transform(range(1, len(s.c) + 1), lambda i: adql.turn(s.p, s.c[i], s.c[i % len(s.c) + 1])))
    * sign(list_sum(list_transform(range(2, len(s.c)), lambda i: adql.excess(s.c[1], s.c[i], s.c[i + 1])))) > pi())[1];
"""


def translated(node: exp.Anonymous) -> exp.Expr:
    """Return what a function of regions is in DuckDB."""
    name, given = node.name.upper(), node.expressions
    if name.startswith("COORD") and len(given) == 1:
        return exp.cast(_point(given[0])[int(name[-1]) - 1], "DOUBLE")
    if name == "DISTANCE" and len(given) in (2, 4):
        ends = given if len(given) == 4 else [*_point(given[0]), *_point(given[1])]  # noqa: PLR2004
        return _call("distance", ends)
    if name in ("CONTAINS", "INTERSECTS") and len(given) == 2:  # noqa: PLR2004
        one, other = given
        if name == "INTERSECTS" and _is(other, "POINT"):
            one, other = other, one
        return exp.cast(_inside(_point(one), other), "INT")
    raise AdqlError(f"{name} does not take {len(given)} arguments")


def _inside(point: list[exp.Expr], region: exp.Expr) -> exp.Expr:
    if _is(region, "CIRCLE"):
        numbers = list(_numbers(region, 3))
        return exp.paren(exp.LTE(this=_call("distance", [*point, *numbers[:2]]), expression=numbers[2]))
    if _is(region, "BOX"):
        lon, lat, width, height = _numbers(region, 4)
        corners = [
            [_moved(lon, width, x), _moved(lat, height, y)]
            for x, y in ((exp.Sub, exp.Sub), (exp.Add, exp.Sub), (exp.Add, exp.Add), (exp.Sub, exp.Add))
        ]
    elif _is(region, "POLYGON"):
        numbers = list(_numbers(region))
        corners = [numbers[place : place + 2] for place in range(0, len(numbers), 2)]
    else:
        raise _unknown(region)
    if len(corners) < _CORNERS or len(corners[-1]) != 2:  # noqa: PLR2004
        raise _unknown(region)
    listed = exp.Array(expressions=[_call("vector", corner) for corner in corners])
    return _call("inside", [_call("vector", point), listed])


def _point(node: exp.Expr) -> list[exp.Expr]:
    if not _is(node, "POINT"):
        raise _unknown(node)
    return list(_numbers(node, 2))


def _numbers(node: exp.Expr, count: int | None = None) -> Iterator[exp.Expr]:
    """Give the numbers of a region, those of points in it as well, without its coordinate system."""
    found = []
    for place, each in enumerate(node.expressions):
        if place == 0 and isinstance(each, exp.Literal) and each.is_string:
            if each.name.upper().split()[:1] not in ([], *([one] for one in _SYSTEMS)):
                raise _unknown(node, f"coordinates in {each.name}")
        elif _is(each, "POINT") and not _is(node, "POINT"):
            found += _point(each)
        else:
            found.append(each)
    if count not in (None, len(found)):
        raise _unknown(node)
    return iter([exp.paren(each.copy()) for each in found])


def _unknown(node: exp.Expr, what: str = "") -> Exception:
    return AdqlError(
        f"The sandbox's TAP service does not answer {what or f'the geometry {node.sql()[:80]} here'}; the real one may"
    )


def _is(node: exp.Expr, name: str) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.upper() == name


def _moved(centre: exp.Expr, size: exp.Expr, kind: type[exp.Binary]) -> exp.Expr:
    return exp.paren(
        kind(this=centre.copy(), expression=exp.Div(this=size.copy(), expression=exp.Literal.number("2.0")))
    )


def _call(name: str, arguments: Sequence[exp.Expr]) -> exp.Expr:
    return exp.Anonymous(this=f"adql.{name}", expressions=[argument.copy() for argument in arguments])
