"""What the service says it can do (VOSI, TAPRegExt), and whether it is there."""

from collections.abc import Sequence

from skykey.sandbox.tap.switches import FORMATS, Switches
from skykey.sandbox.tap.votable import escaped

_EXT = "ivo://ivoa.net/std/TAPRegExt#"
#: alias -> what the standard calls it, where it has a name
_IDS = {"votable": "output-votable-td", "votable-b2": "output-votable-binary2"}
_FEATURES: dict[str, Sequence[str]] = {
    "features-adqlgeo": ("POINT", "CIRCLE", "BOX", "POLYGON", "CONTAINS", "INTERSECTS", "DISTANCE", "COORD1", "COORD2"),
    "features-adql-string": ("LOWER", "UPPER", "ILIKE"),
    "features-adql-common-table": ("WITH",),
    "features-adql-sets": ("UNION", "EXCEPT", "INTERSECT"),
    "features-adql-offset": ("OFFSET",),
    "features-adql-type": ("CAST",),
    "features-adql-conditional": ("COALESCE",),
}
_DURATION, _RETENTION = 4 * 3600, 7 * 86400
_SPACES = """xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"
 xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1" xmlns:tr="http://www.ivoa.net/xml/TAPRegExt/v1.0"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance\""""
AVAILABLE = """<?xml version="1.0" encoding="UTF-8"?>
<vosi:availability xmlns:vosi="http://www.ivoa.net/xml/VOSIAvailability/v1.0">
<vosi:available>true</vosi:available><vosi:note>Counterpart in the Skykey sandbox</vosi:note>
</vosi:availability>
"""


def document(base: str, switches: Switches) -> str:
    """Return the capabilities of the service at ``base``."""
    features = "".join(
        f'<languageFeatures type="{_EXT}{name}">'
        + "".join(f"<feature><form>{form}</form></feature>" for form in forms)
        + "</languageFeatures>\n"
        for name, forms in _FEATURES.items()
    )
    formats = "".join(
        f"<outputFormat{_id(alias)}><mime>{escaped(FORMATS[alias])}</mime><alias>{alias}</alias></outputFormat>\n"
        for alias in switches.formats
    )
    limits = f'<default unit="row">{switches.limit}</default><hard unit="row">{switches.limit}</hard>'
    others = "".join(
        f'<capability standardID="ivo://ivoa.net/std/VOSI#{name}"><interface xsi:type="vs:ParamHTTP" role="std">'
        f'<accessURL use="full">{base}/{path}</accessURL></interface></capability>\n'
        for name, path in (("capabilities", "capabilities"), ("availability", "availability"), ("tables-1.1", "tables"))
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<vosi:capabilities {_SPACES}>
{others}<capability standardID="ivo://ivoa.net/std/TAP" xsi:type="tr:TableAccess">
<interface xsi:type="vs:ParamHTTP" role="std" version="1.1"><accessURL use="base">{base}</accessURL></interface>
<language><name>ADQL</name><version ivo-id="ivo://ivoa.net/std/ADQL#v2.1">2.1</version>
<description>Astronomical Data Query Language</description>
{features}</language>
{formats}<uploadMethod ivo-id="{_EXT}upload-inline"/>
<retentionPeriod><default>{_RETENTION}</default><hard>{_RETENTION}</hard></retentionPeriod>
<executionDuration><default>{_DURATION}</default><hard>{_DURATION}</hard></executionDuration>
<outputLimit>{limits}</outputLimit>
</capability>
</vosi:capabilities>
"""


def _id(alias: str) -> str:
    return f' ivo-id="{_EXT}{_IDS[alias]}"' if alias in _IDS else ""
