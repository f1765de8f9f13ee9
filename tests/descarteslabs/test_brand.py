"""What differs between the two names of the platform is data, and the data is what the documentation says."""

import copy
import importlib
import pickle
import subprocess
import sys

import pytest

from skykey.descarteslabs.brand import DESCARTESLABS, EARTHONE, Brand

BRANDS = pytest.mark.parametrize("brand", [DESCARTESLABS, EARTHONE], ids=lambda brand: brand.prefix)


def test_the_documented_facts_of_descartes_labs() -> None:
    assert DESCARTESLABS.folder == ".descarteslabs"
    assert DESCARTESLABS.documentation == "https://docs.descarteslabs.com/authentication.html"
    assert DESCARTESLABS.delegates == ("ZOBAi4UROl5gKZIpxxlwOEfx8KpqXf2c",)
    assert DESCARTESLABS.subject_is_namespace
    assert list(DESCARTESLABS.environments) == [
        "aws-production",
        "aws-staging",
        "aws-dev",
        "aws-freemium",
        "testing",
        "local",
    ]


def test_the_documented_facts_of_earthone() -> None:
    assert EARTHONE.folder == ".earthone"
    assert EARTHONE.documentation == "https://earthone.earthdaily.com/docs/authentication.html"
    assert EARTHONE.delegates == ()
    assert not EARTHONE.subject_is_namespace
    assert list(EARTHONE.environments) == ["production", "staging", "dev", "freemium", "testing", "local"]


@BRANDS
def test_each_variable_has_its_brands_prefix(brand: Brand) -> None:
    prefix = brand.prefix
    assert brand.environment_variable == f"{prefix}_ENV"
    assert brand.client_id_variable == f"{prefix}_CLIENT_ID"
    assert brand.client_secret_variable == f"{prefix}_CLIENT_SECRET"
    assert brand.refresh_token_variable == f"{prefix}_REFRESH_TOKEN"
    assert brand.token_variable == f"{prefix}_TOKEN"
    assert brand.token_info_path_variable == f"{prefix}_TOKEN_INFO_PATH"
    assert brand.no_jwt_cache_variable == f"{prefix}_NO_JWT_CACHE"


@BRANDS
def test_claims_and_the_login_page_are_the_same_for_both(brand: Brand) -> None:
    assert (brand.claim_prefix, brand.login_page) == ("earthdaily__dl__", "/account/refresh-token")
    assert brand.default_environment in brand.environments


@BRANDS
def test_a_brand_in_a_pickle_or_a_copy_stays_itself(brand: Brand) -> None:
    """It is a key, and is compared by identity: a second one would find nothing."""
    assert pickle.loads(pickle.dumps(brand)) is copy.deepcopy(brand) is copy.copy(brand) is brand


# -- the packages


PACKAGES = {
    "skykey.descarteslabs": ("4.0.0", {"select_env", "get_settings", "AWS_ENVIRONMENT", "GCP_ENVIRONMENT"}),
    "skykey.descarteslabs.earthone": ("6.2.0", {"select_env", "get_settings"}),
}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_the_documented_names_and_says_whose_release_they_are(package: str) -> None:
    module = importlib.import_module(package)
    release, from_config = PACKAGES[package]
    assert module.__version__ == f"{release}+skykey"
    assert set(dir(module)) == {"__version__", "auth", "config", "exceptions", *from_config}
    for name in ("auth", "config", "exceptions"):
        assert getattr(module, name) is importlib.import_module(f"{package}.{name}")
    for name in from_config:
        assert getattr(module, name) == getattr(module.config, name)
    with pytest.raises(AttributeError, match="has no attribute 'catalog'"):
        _ = module.catalog


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_loads_nothing_else(package: str) -> None:
    code = f"import sys, skykey; before = set(sys.modules); import {package}; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert loaded == [name for name in PACKAGES if package.startswith(name)]


def test_a_session_brings_no_http_library_before_its_first_request() -> None:
    code = "import sys, skykey.descarteslabs.session; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    heavy = {"asyncio", "email", "h11", "http", "httpcore2", "logging", "platform", "socket", "ssl", "tomllib", "uuid"}
    assert heavy & set(loaded) == set()
