"""The environment in which a program meets the sandbox instead of the world."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skykey.sandbox.hosts import GRACEDB_TOKENS, IMAGERY, LOGIN_FILES

if TYPE_CHECKING:
    from skykey.sandbox.box import Box

# Each stack of HTTP libraries looks at another one.
_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "GDAL_CURL_CA_BUNDLE")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

#: Variables that would outrank those set here, with which a real token would reach the sandbox, or a program
#: would go past it. A later system adds its own.
_OUTRANKING = re.compile(
    r"""
    ACCESS_TOKEN | NUBLADO_TOKEN | NUBLADO_RUNTIME_MOUNTS_DIR | EFDAUTH | SKYKEY_RUBIN_SITES
    | EXTERNAL_(?!INSTANCE_)[A-Z0-9_]+_URL   # lsst.rsp asks for the address of each service first
    | ((DESCARTESLABS|EARTHONE)_)? CLIENT_(ID|SECRET)
    | SCITOKEN(_FILE)? | BEARER_TOKEN | _CONDOR_CREDS | X509_[A-Z_]+ | GRACEDB_SERVICE_URL | IGWN_AUTH_UTILS_[A-Z0-9_]+
    | (DESCARTESLABS|EARTHONE)_(TOKEN|REFRESH_TOKEN|NO_JWT_CACHE|ENV|(DEFAULT_)?DOMAIN|[A-Z0-9_]+_URL)
    """,
    re.VERBOSE,
)
_PROXIES = re.compile(r"(https?|all|no)_proxy", re.IGNORECASE)


@dataclass(frozen=True)
class Changes:
    """Variables to set and variables to take away."""

    set: dict[str, str]
    unset: tuple[str, ...]

    def applied_to(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return ``base`` with the changes made."""
        return {name: value for name, value in base.items() if name not in self.unset} | self.set

    def as_shell(self) -> str:
        """Return lines for ``eval`` in a POSIX shell."""
        lines = [f"unset {name}" for name in self.unset]
        lines += [f"export {name}={shlex.quote(value)}" for name, value in self.set.items()]
        return "\n".join(lines)


def changes(box: "Box", *, as_real: bool, base: Mapping[str, str]) -> Changes:
    """Return what ``base`` needs so that a child meets ``box``."""
    site = box.real_site_url if as_real else box.site_url
    setting = {
        "EXTERNAL_INSTANCE_URL": site,
        "REPERTOIRE_BASE_URL": f"{site}/repertoire",
        "ACCESS_TOKEN_FILE": str(box.token_file),
        # A login for these hosts, or the default entry, in ~/.netrc takes the place of the sandbox's token
        # in every program that uses requests. There is no way to say "none", so it is an empty file.
        "NETRC": os.devnull,
        **dict.fromkeys(_BUNDLES, str(box.bundle_file)),
        **_imagery(box, as_real=as_real),
        **_gracedb(box, as_real=as_real),
        **_proxies(box, as_real=as_real, base=base),
    }
    gone = [name for name in base if _OUTRANKING.fullmatch(name) or (as_real and _PROXIES.fullmatch(name))]
    return Changes(setting, tuple(sorted(set(gone) - set(setting))))


def _imagery(box: "Box", *, as_real: bool) -> dict[str, str]:
    """Return a login for each of the platform's names, and its address where the real hosts are not played."""
    urls = {} if as_real else {"IAM_URL": box.iam_url, "PLATFORM_URL": box.platform_url, "APP_URL": box.app_url}
    setting: dict[str, str] = {}
    for system in IMAGERY:
        # A file for each address, because a login says where it can be revoked.
        file = box.folder / LOGIN_FILES[system if as_real else None]
        named = urls | {"TOKEN_INFO_PATH": str(file)}
        setting |= {f"{system.upper()}_{name}": value for name, value in named.items()}
    return setting


def _gracedb(box: "Box", *, as_real: bool) -> dict[str, str]:
    token = {"BEARER_TOKEN_FILE": str(box.folder / GRACEDB_TOKENS[as_real])}
    return token if as_real else token | {"GRACEDB_SERVICE_URL": box.gracedb_url}


def _proxies(box: "Box", *, as_real: bool, base: Mapping[str, str]) -> dict[str, str]:
    direct = ",".join(_LOOPBACK)
    if as_real:
        # Not a word of the user's own exceptions: one of them may name a host that the sandbox plays.
        proxied = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), box.proxy_url)
        return proxied | {"NO_PROXY": direct, "no_proxy": direct}
    # A proxy of the user's stays for the rest of the world; loopback goes past it. The lower-case spelling
    # is the one that wins where both are set.
    kept = base.get("no_proxy") or base.get("NO_PROXY") or ""
    names = [name.strip() for name in kept.split(",") if name.strip()]
    both = ",".join(names if "*" in names else [*names, *(name for name in _LOOPBACK if name not in names)])
    return {"NO_PROXY": both, "no_proxy": both}
