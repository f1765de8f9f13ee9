"""Which deployment is meant, and its addresses: the documented names of ``descarteslabs.config``.

Settings come from, each over the one before: what is built in, a settings file, environment variables
(``DESCARTESLABS_IAM_URL`` is the setting ``IAM_URL``). Addresses that nobody sets are made of ``domain``,
``default_domain`` and ``platform_url``. Values are taken as they are written; credentials are never settings.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from skykey.descarteslabs.brand import DESCARTESLABS, EARTHONE, SERVICES, Brand, Environment
from skykey.descarteslabs.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "AWS_ENVIRONMENT",
    "GCP_ENVIRONMENT",
    "Settings",
    "get_settings",
    "peek_settings",
    "select_env",
]

AWS_ENVIRONMENT: Final = "aws-production"
"""The usual environment."""
GCP_ENVIRONMENT: Final = "gcp-production"
"""One that is no more; its name stays importable."""

_LAST_WORDS_OF_SECRETS: Final = frozenset({"KEY", "PASSWORD", "SECRET", "TOKEN"})
_PARENTS: Final = ("DOMAIN", "DEFAULT_DOMAIN", "PLATFORM_URL")


class _Selected:
    """On the class the selected environment, None before; on settings their own."""

    def __get__(self, settings: BoundSettings | None, kind: type[BoundSettings]) -> str | None:
        chosen = kind._settings if settings is None else settings  # noqa: SLF001 - own family
        return None if chosen is None else chosen.current_env


class BoundSettings(Mapping[str, Any]):
    """The settings of one environment, which do not change; names may be written in either case.

    ``settings.IAM_URL``, ``settings.iam_url``, ``settings["iam_url"]`` and ``settings.get("iam_url")`` are the same.
    As a mapping, its keys are in upper case.

    Parameters
    ----------
    name
        The environment.
    values
        Setting to value, in upper case.
    file
        The settings file that was read, if one was.
    """

    brand: ClassVar[Brand]
    _settings: ClassVar[BoundSettings | None] = None
    _lock: ClassVar[threading.Lock]

    env = _Selected()

    def __init_subclass__(cls, *, brand: Brand) -> None:
        super().__init_subclass__()
        cls.brand, cls._settings, cls._lock = brand, None, threading.Lock()

    def __init__(self, name: str, values: Mapping[str, Any], file: str | os.PathLike[str] | None = None) -> None:
        self._name = name
        self._file = file
        self._values = {**values, "ENV": name}

    @classmethod
    def select_env(
        cls,
        env: str | None = None,
        settings_file: str | os.PathLike[str] | None = None,
        envvar_prefix: str | None = None,
    ) -> Self:
        """Choose the environment of this process, once; the choice is left in ``<prefix>_ENV`` for its children.

        Parameters
        ----------
        env
            Its name; None for what the variable ``<prefix>_ENV`` says, and for production if that is not set.
        settings_file
            A TOML file with a table for each environment that it changes or adds, and ``[default]`` for all of them.
        envvar_prefix
            What variables with settings begin with; None for ``DESCARTESLABS`` (EarthOne: ``EARTHONE``).

        Returns
        -------
        Settings
            Those that were selected first, if the call is not the first one.

        Raises
        ------
        ConfigError
            If there is no such environment, another one has been selected already, or the file cannot be read.
        """
        with cls._lock:
            selected = cls._settings
            if selected is None:
                prefix = envvar_prefix or cls.brand.prefix
                made = cls._made(env, settings_file, prefix)
                os.environ[f"{prefix}_ENV"] = made.current_env
                cls._settings = made
                return made
        if env is not None and env != selected.current_env:
            raise ConfigError(f"Client configuration '{selected.current_env}' has already been selected")
        if settings_file and settings_file != selected._file:  # noqa: SLF001 - own class
            _say_that_it_is_late(settings_file)
        return selected  # type: ignore[return-value]  # only this class stores it, and only its own

    @classmethod
    def get_settings(cls) -> Self:
        """The selected settings; selects the default ones if there are none yet.

        Raises
        ------
        ConfigError
            As `select_env`.
        """
        return cls.select_env()

    @classmethod
    def peek_settings(
        cls,
        env: str | None = None,
        settings_file: str | os.PathLike[str] | None = None,
        envvar_prefix: str | None = None,
    ) -> Self:
        """Settings as they are now, without selecting them.

        Parameters
        ----------
        env, settings_file, envvar_prefix
            As for `select_env`.

        Raises
        ------
        ConfigError
            If there is no such environment, or the file cannot be read.
        """
        return cls._made(env, settings_file, envvar_prefix or cls.brand.prefix)

    @classmethod
    def current(cls) -> BoundSettings:
        """The selected settings if there are any, else a peek."""
        return cls._settings or cls.peek_settings()

    @classmethod
    def _made(cls, env: str | None, settings_file: str | os.PathLike[str] | None, prefix: str) -> Self:
        selector = f"{prefix}_ENV"
        name = env or os.environ.get(selector) or cls.brand.default_environment
        values = _from_file(settings_file, name) if settings_file else {}
        values |= _from_variables(prefix)
        environment = cls.brand.environments.get(name)
        if environment is None and not values.get("DEFAULT_DOMAIN"):
            hint = "" if env else f" Check your {selector} environment variable."
            raise ConfigError(
                f"Client configuration '{name}' doesn't exist!{hint}",
                next=f"choose one of {', '.join(cls.brand.environments)}",
            )
        return cls(name, _completed(cls.brand, environment or Environment(""), values), settings_file)

    def as_dict(self) -> dict[str, Any]:
        """All settings as a new dictionary, keys in upper case."""
        return dict(self._values)

    to_dict = as_dict

    @property
    def current_env(self) -> str:
        """The environment's name."""
        return self._name

    def __getitem__(self, name: str, /) -> Any:
        return self._values[name.upper()]

    def __getattr__(self, name: str) -> Any:
        # Without the values, unpickling and copying would look for them here, for ever.
        if not name.startswith("_") and name.upper() in self._values:
            return self._values[name.upper()]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._values})

    def __repr__(self) -> str:
        return f"<Settings of {self.brand.name}, {self._name}>"


class Settings(BoundSettings, brand=DESCARTESLABS):
    """The settings of Descartes Labs."""


class EarthOneSettings(BoundSettings, brand=EARTHONE):
    """The settings of EarthOne."""


select_env = Settings.select_env
get_settings = Settings.get_settings
peek_settings = Settings.peek_settings

_OF: Final[dict[Brand, type[BoundSettings]]] = {kind.brand: kind for kind in (Settings, EarthOneSettings)}


def current_settings(brand: Brand) -> BoundSettings:
    """The selected settings of a brand if there are any, else a peek.

    Raises
    ------
    ConfigError
        If the environment that a variable names does not exist.
    """
    return _OF[brand].current()


def default_domain(brand: Brand) -> str:
    """Where an `Auth` without a domain gets its tokens: the setting ``iam_url``.

    Raises
    ------
    ConfigError
        As `current_settings`.
    """
    return str(current_settings(brand)["IAM_URL"])


def app_domain(brand: Brand) -> str:
    """Where people log in: the setting ``app_url``.

    Raises
    ------
    ConfigError
        As `current_settings`.
    """
    return str(current_settings(brand)["APP_URL"])


def _say_that_it_is_late(path: str | os.PathLike[str]) -> None:
    import logging  # only where something is logged: importing it costs time

    logging.getLogger("skykey.descarteslabs").warning(
        "the settings file %s is not read: settings are selected once in a process, and have been", os.fspath(path)
    )


def _completed(brand: Brand, environment: Environment, values: dict[str, Any]) -> dict[str, Any]:
    """Make the settings that nobody gave of those that somebody did."""
    built_in: dict[str, Any] = {
        "DOMAIN": brand.domain,
        "LOG_LEVEL": "WARNING",
        "DEFAULT_DOMAIN": environment.default_domain,
        "PLATFORM_URL": environment.platform_url,
        "IAM_URL": environment.iam_url,
        "APP_URL": "https://app.{domain}",
        **({"TESTING": True} if environment.is_for_tests else {}),
        **{
            f"{name.upper()}_URL": f"{{platform_url}}/{path}"
            for name, path in SERVICES.items()
            if name not in environment.lacks
        },
    }
    made = {**built_in, **values}
    known: dict[str, Any] = {}
    for name in [*_PARENTS, *(name for name in built_in if name not in _PARENTS)]:
        if name not in values and isinstance(made[name], str):
            made[name] = made[name].format_map(known)
        known[name.lower()] = made[name]
    return made


def _from_variables(prefix: str) -> dict[str, Any]:
    values = {}
    for variable in list(os.environ):
        name = variable[len(prefix) + 1 :].upper()
        # Asked for one by one: another thread may take one away meanwhile.
        if variable.startswith(f"{prefix}_") and not _is_credential(name) and (value := os.environ.get(variable)):
            values[name] = value
    return values


def _from_file(path: str | os.PathLike[str], environment: str) -> dict[str, Any]:
    import tomllib

    try:
        with open(path, encoding="utf-8-sig") as file:
            tables = tomllib.loads(file.read())
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"the settings file {os.fspath(path)} cannot be read ({problem})") from None
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"the settings file {os.fspath(path)} is not TOML ({problem})") from None
    values: dict[str, Any] = {}
    for wanted in ("default", environment.lower(), "global"):
        for name, table in tables.items():
            if name.lower() == wanted and isinstance(table, dict):
                values |= {key.upper(): value for key, value in table.items() if not _is_credential(key.upper())}
    for key, value in values.items():
        if isinstance(value, str) and value.startswith("@"):
            raise ConfigError(
                f"the settings file {os.fspath(path)} gives {key.lower()} by a directive ({value.partition(' ')[0]})",
                next="write the value out: what stands in a settings file is not computed",
            )
    return values


def _is_credential(name: str) -> bool:
    """Whether a setting of that name would be one. Those are read by `Auth` alone, and shown nowhere."""
    return name == "CLIENT_ID" or name.rpartition("_")[2] in _LAST_WORDS_OF_SECRETS
