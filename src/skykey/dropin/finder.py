"""The import finder that serves the upstream names.

It stands in front of all others, so that an installed upstream package does not come first; and it answers for every
name below those that it serves, so that nothing of an upstream package is mixed in unseen.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Final

from skykey.dropin.names import NAMES, Alias, Fallback, Package, Shared
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.abc import Loader
    from types import CodeType, ModuleType
else:
    Loader = object  # importlib.abc takes longer to load than all of this

_SERVED: Final = "skykey.dropin"


class Finder:
    """Finds the modules of a table of names.

    Parameters
    ----------
    names
        Upstream name to what serves it. Parents are in it too.
    """

    def __init__(self, names: Mapping[str, Shared | Package | Alias | Fallback]) -> None:
        self.names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer the import system.

        Raises
        ------
        ModuleNotFoundError
            For a module of a served package that is not built yet. An installed upstream package does not step in.
        """
        match self.names.get(fullname):
            case Package() as package:
                return ModuleSpec(fullname, _PackageLoader(package, self.names), origin=_SERVED, is_package=True)
            case Alias(ours):
                return ModuleSpec(fullname, _AliasLoader(ours), origin=_SERVED)
            case Shared():
                own = ModuleSpec(fullname, None, origin=_SERVED, is_package=True)  # without a loader: a namespace
                return self._of_others(fullname, path, target) or own
            case Fallback(ours):
                return self._of_others(fullname, path, target) or ModuleSpec(
                    fullname, _AliasLoader(ours), origin=_SERVED
                )
            case None:
                pass
        parent = fullname.rpartition(".")[0]
        if isinstance(self.names.get(parent), Package | Alias):
            served = ", ".join(name for name in sorted(self.names) if _is_below(name, parent))
            # Not name=fullname: "from package import module" would swallow it and find words of its own.
            raise ModuleNotFoundError(f"{fullname} is not built yet; skykey.dropin serves {served}", name=parent)
        return None

    def forget(self) -> None:
        """Take the modules that were served out of ``sys.modules``, and off their parents."""
        for name in sorted(self.names, key=len, reverse=True):
            if self.is_served(name):
                module = sys.modules.pop(name)
                parent, _, child = name.rpartition(".")
                if parent in sys.modules and vars(sys.modules[parent]).get(child) is module:
                    delattr(sys.modules[parent], child)

    def is_served(self, name: str) -> bool:
        """Whether the module that is imported under a name is the one that stands for it in the table."""
        module, entry = sys.modules.get(name), self.names[name]
        if isinstance(entry, Alias | Fallback):
            return module is not None and module is sys.modules.get(entry.target)
        return getattr(getattr(module, "__spec__", None), "origin", None) == _SERVED

    def _of_others(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        return next((spec for spec in found if spec is not None), None)


class _PackageLoader(Loader):
    """Makes a package without code of its own; modules below it come from the finder, its names from where they live.

    Both load when they are used.
    """

    def __init__(self, package: Package, names: Mapping[str, Shared | Package | Alias | Fallback]) -> None:
        self._package = package
        self._names = names

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill it."""
        (release, offers), name = self._package, module.__name__
        below = [served.rpartition(".")[2] for served in self._names if served.rpartition(".")[0] == name]

        def find(attribute: str) -> object:
            if attribute in offers:
                return getattr(importlib.import_module(offers[attribute]), attribute)
            if attribute in below:
                return importlib.import_module(f"{name}.{attribute}")
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}")

        # A local version (PEP 440): not less than the release, and honest about who answers.
        module.__dict__.update(__version__=f"{release}+skykey", __getattr__=find)
        module.__doc__ = f"The names of {name} {release}, served by Skykey."
        if offers:
            module.__dict__["__all__"] = sorted([*offers, *below])


class _AliasLoader(Loader):
    """Puts one of our modules in the place of the one that is being imported."""

    def __init__(self, target: str) -> None:
        self._target = target

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system: a module that we returned here would lose its own ``__spec__``."""

    def exec_module(self, module: ModuleType) -> None:
        """Replace it; the import system takes what it finds in ``sys.modules`` afterwards."""
        sys.modules[module.__name__] = importlib.import_module(self._target)

    def get_code(self, _: str) -> CodeType | None:
        """What ``python -m`` runs."""
        loader = getattr(importlib.import_module(self._target).__spec__, "loader", None)
        code: CodeType | None = getattr(loader, "get_code", lambda _: None)(self._target)
        return code


_finder: Final = Finder(NAMES)


def install() -> None:
    """Serve the upstream names from now on; a second call changes nothing.

    Raises
    ------
    UsageError
        If an upstream package has been imported already: half of a program would use the one and half the other.
    """
    strangers = [
        name
        for name in sys.modules
        if any(_is_below(name, served) and not isinstance(entry, Shared | Fallback) for served, entry in NAMES.items())
        and not (name in NAMES and _finder.is_served(name))
    ]
    if strangers:
        raise UsageError(
            f"{min(strangers)} is imported already, and not from Skykey",
            next="call skykey.dropin.install() before the first import, or start with python -m skykey.dropin",
        )
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Serve them no longer. Who imported a module before keeps it."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
        _finder.forget()


def _is_below(name: str, top: str) -> bool:
    return name == top or name.startswith(f"{top}.")
