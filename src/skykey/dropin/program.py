"""Running a program as ``python`` itself would, with the upstream names served."""

from __future__ import annotations

import builtins
import os
import pkgutil
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, NoReturn

from skykey.dropin.finder import install
from skykey.dropin.names import COMMANDS

if TYPE_CHECKING:
    from types import TracebackType

_NOT_THE_PROGRAM = {"importlib._bootstrap", "importlib._bootstrap_external", "runpy", "skykey.dropin.program"}
_USAGE = """\
usage: python -m skykey.dropin SCRIPT [ARGUMENTS]
       python -m skykey.dropin -m MODULE [ARGUMENTS]
       python -m skykey.dropin descarteslabs|earthone|gracedb [ARGUMENTS]

Runs a program in which descarteslabs, earthdaily.earthone, ligo.gracedb, rubin_nights and rubin.repertoire mean
Skykey; or the command of that name (./gracedb is a script).
"""


def main() -> None:
    """Read the command line and become the program."""
    match sys.argv[1:]:
        case ["-h" | "--help", *_]:
            sys.stdout.write(_USAGE)
        case [name, *_] if name in COMMANDS:
            module, _, function = COMMANDS[name].partition(":")  # by their names, as modules are
            sys.exit(getattr(import_module(module), function)(sys.argv[1:]))
        case ["-m", name, *arguments]:
            install()
            _become(*_module(name, arguments))
        case [script, *arguments] if script and not script.startswith("-"):
            install()
            _become(*_script(script, arguments))
        case _:
            sys.stderr.write(_USAGE)
            sys.exit(2)


def _become(code: CodeType, module: ModuleType) -> None:
    """Run code as ``__main__``, for good: threads and exit handlers outlive this call."""
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 - what the user asked to run
    except BaseException:
        _hide_ourselves()
        raise


def _script(path: str, arguments: list[str]) -> tuple[CodeType, ModuleType]:
    sys.argv = [path, *arguments]
    absolute = os.path.join(os.getcwd(), path)  # not normalised: python does not either
    importer = pkgutil.get_importer(absolute)
    if importer is not None:  # a folder or an archive with a __main__.py
        _search_first(absolute)
        spec = importer.find_spec("__main__")
        if spec is None:
            _complain(f"can't find '__main__' module in {absolute!r}", 1)
        return _loaded(spec)
    if not sys.flags.safe_path:
        _search_first(os.path.dirname(os.path.realpath(path)))
    loader = SourceFileLoader("__main__", absolute)
    try:
        source = loader.get_data(absolute)
    except OSError as problem:
        _complain(f"can't open file {absolute!r}: [Errno {problem.errno}] {problem.strerror}", 2)
    module = ModuleType("__main__")
    module.__file__, module.__loader__, module.__package__ = absolute, loader, None
    module.__dict__["__cached__"] = None
    with _Hidden():
        return loader.source_to_code(source, absolute), module


def _module(name: str, arguments: list[str]) -> tuple[CodeType, ModuleType]:
    sys.argv = ["-m", *arguments]  # as long as it is not known where the module is
    with _Hidden():
        spec = _spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = _spec(f"{name}.__main__")
            if spec is None:
                _complain(f"No module named {name}.__main__; {name!r} is a package and cannot be directly executed", 1)
    if spec is None:
        _complain(f"No module named {name}", 1)
    sys.argv[0] = spec.origin or name
    return _loaded(spec)


def _spec(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except ModuleNotFoundError as problem:
        # The import system's own words, for a parent that is missing; others are errors of the program.
        if problem.name and (name == problem.name or name.startswith(f"{problem.name}.")):
            _complain(problem.msg, 1)
        raise


def _loaded(spec: ModuleSpec) -> tuple[CodeType, ModuleType]:
    """As runpy does it, whose public functions would take ``__main__`` away again at the end."""
    module = ModuleType("__main__")
    module.__spec__, module.__loader__, module.__package__ = spec, spec.loader, spec.parent
    module.__file__ = spec.origin
    module.__dict__["__cached__"] = spec.cached
    get_code = getattr(spec.loader, "get_code", None)
    with _Hidden():
        code = get_code(spec.name) if get_code is not None else None
    if not isinstance(code, CodeType):
        _complain(f"No code object available for {spec.name}", 1)
    return code, module


def _search_first(folder: str) -> None:
    if sys.flags.safe_path:
        sys.path.insert(0, folder)
    else:
        sys.path[0] = folder  # instead of the working folder, which python -m put there


def _complain(words: str, code: int) -> NoReturn:
    sys.stderr.write(f"{sys.executable}: {words}\n")
    sys.exit(code)


class _Hidden:
    """Hides our own frames from the traceback of what leaves the block."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            _hide_ourselves()


def _hide_ourselves() -> None:
    """Let the traceback that python is about to print begin where the program begins.

    The exception goes on its way, so that exit codes (of Ctrl-C too) are python's own.
    """
    shown = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        while traceback is not None and _is_ours(traceback):
            traceback = traceback.tb_next
        shown(kind, error.with_traceback(traceback), traceback)

    sys.excepthook = hook


def _is_ours(traceback: TracebackType) -> bool:
    frame = traceback.tb_frame
    return frame.f_globals.get("__name__") in _NOT_THE_PROGRAM or frame.f_code.co_filename.endswith(
        os.path.join("skykey", "dropin", "__main__.py")
    )
