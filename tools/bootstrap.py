"""Make `.venv` ready for a make target; when it is ready already, say nothing and return at once.

    python3 tools/bootstrap.py [--this-python] EXTRA...

Standard library only. Any Python 3 may start it: the syntax stays within 3.6, and a Python below 3.11 hands
over to a newer one. `uv` does the installing if it is on PATH, else `venv` and `pip` do.

How it stays correct:

* `.venv/skykey-env.json` says what is installed, for which inputs, from which interpreter, in which folder.
  It says `"ready": false` while an install runs, so one that was killed is made anew; so is a copied one.
* One kernel lock per checkout. Installers inherit it: one that outlives a killed bootstrap still holds it.
* Only more extras wanted: their requirements are added; the package itself stays in place under a running
  program.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import sys

TYPE_CHECKING = False  # `typing` would cost more time than all the rest
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STATE = os.path.join(VENV, "skykey-env.json")
CONSTRAINTS = os.path.join(ROOT, "constraints.txt")

# Settings that would send an install elsewhere. Indexes, proxies, certificates and caches stay the user's.
ASTRAY = {
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONUSERBASE",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "__PYVENV_LAUNCHER__",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_REQUIREMENT",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_PYTHON",
    "PIP_NO_DEPS",
    "PIP_DRY_RUN",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_TARGET",
    "UV_PREFIX",
    "UV_PROJECT_ENVIRONMENT",
    "UV_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_NO_DEPS",
}

# Any of these tells both installers which authorities to trust.
CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class SetupError(Exception):
    """The environment cannot be made; the message says what would help."""


def say(message: str) -> None:
    """One short line of progress; standard output belongs to the target."""
    sys.stderr.write("skykey: " + message + "\n")
    sys.stderr.flush()


def main(arguments: "list[str]") -> int:
    """Bring `.venv` up to what the extras named in `arguments` need."""
    if sys.version_info < OLDEST:
        return hand_over(arguments)
    python = os.path.realpath(sys.executable) if "--this-python" in arguments else None
    extras = sorted(set(arguments) - {"--this-python"})
    inputs = fingerprint()
    if is_current(read_state(), inputs, extras, python):
        return 0
    try:
        with locked(os.path.join(ROOT, ".cache", "bootstrap.lock")) as lock:
            state = read_state()
            if not is_current(state, inputs, extras, python):
                bring_up(state, inputs, extras, python, lock)
    except SetupError as problem:
        say(str(problem))
        return 1
    except OSError as problem:
        say(f"cannot make the environment: {problem}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next call starts again")
        return 130
    return 0


# -- what is there


def fingerprint() -> str:
    """Hash what decides about the content of the environment."""
    digest = hashlib.sha256()
    for name in (os.path.join(ROOT, "pyproject.toml"), CONSTRAINTS):
        with open(name, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def read_state() -> "dict[str, Any]":
    """Read what the last bootstrap left; empty if nothing, or nothing readable."""
    try:
        with open(STATE) as file:
            return dict(json.load(file))
    except (OSError, ValueError):
        return {}


def write_state(**state: object) -> None:
    """Replace the state file in one step."""
    with open(STATE + ".new", "w") as file:
        json.dump(state, file)
    os.replace(STATE + ".new", STATE)


def is_sound(state: "dict[str, Any]", python: "str | None") -> bool:
    """Whether `.venv` is whole and was made here, by an interpreter that is still there (or by `python`)."""
    mine = os.path.realpath(os.path.join(VENV, "bin", "python"))
    return (
        state.get("ready") is True
        and state.get("place") == ROOT
        and state.get("python") == mine
        and os.access(mine, os.X_OK)
        and python in (None, mine)
    )


def is_current(state: "dict[str, Any]", inputs: str, extras: "list[str]", python: "str | None") -> bool:
    """Whether nothing is to do."""
    has = set(state.get("extras", ()))
    return is_sound(state, python) and state.get("inputs") == inputs and has.issuperset(extras)


# -- bringing it up


def bring_up(state: "dict[str, Any]", inputs: str, extras: "list[str]", python: "str | None", lock: int) -> None:
    """Install what is missing: into a sound environment, or one made by hand, else into a new one."""
    import time

    begun = time.monotonic()
    by_hand = not state and os.access(os.path.join(VENV, "bin", "python"), os.X_OK)
    keep = is_sound(state, python) or (by_hand and python is None)
    same = keep and state.get("inputs") == inputs
    extras, requirements = expand(extras, state.get("extras", []) if keep else [])
    uv = find_uv()
    wanted = "[" + ",".join(extras) + "]" if extras else ""
    say(f"{'adding to' if keep else 'making'} .venv with {'uv' if uv else 'pip'}: skykey{wanted}")
    if not keep:
        discard(VENV)
        os.makedirs(VENV)
    write_state(ready=False)
    mine = os.path.join(VENV, "bin", "python")
    try:
        if not keep:
            make_venv(VENV, python or find_python(with_pip=not uv), with_pip=not uv, lock=lock)
        what = requirements if same else ["-e", "." + wanted]
        install(mine, what, constraints=CONSTRAINTS, uv=uv, lock=lock)
    except SetupError:
        if keep:  # installers undo what fails; only a killed one leaves a ruin
            write_state(**{**state, "ready": True, "inputs": ""}) if state else os.remove(STATE)
        raise
    write_state(ready=True, inputs=inputs, place=ROOT, python=os.path.realpath(mine), extras=extras)
    say(f"ready after {time.monotonic() - begun:.1f} s")


def expand(extras: "list[str]", before: "list[str]") -> "tuple[list[str], list[str]]":
    """Resolve extras that name others: all that are covered then (with those before), and their needs."""
    import re
    import tomllib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        project = tomllib.load(file)["project"]
    known = project["optional-dependencies"]
    for extra in extras:
        if extra not in known:
            raise SetupError(f"pyproject.toml has no extra named {extra!r}")
    covered, requirements, queue = set(), [], [*extras, *(extra for extra in before if extra in known)]
    while queue:
        extra = queue.pop()
        if extra in covered:
            continue
        covered.add(extra)
        for requirement in known[extra]:
            own = re.fullmatch(re.escape(project["name"]) + r"\[([\w, -]+)\]", requirement)
            if own:
                queue += [name.strip() for name in own[1].split(",")]
            else:
                requirements.append(requirement)
    return sorted(covered), requirements


def discard(folder: str) -> None:
    """Take a folder away: out of sight in one step, then piece by piece."""
    import shutil
    import tempfile

    if not os.path.lexists(folder):
        return
    trash = os.path.join(ROOT, ".cache", "trash")
    os.makedirs(trash, exist_ok=True)
    os.rename(folder, os.path.join(tempfile.mkdtemp(dir=trash), "old"))
    shutil.rmtree(trash, ignore_errors=True)


# -- what tools/parts uses too


@contextlib.contextmanager
def locked(path: str) -> "Iterator[int]":
    """Hold the kernel's lock on a file; hand out its descriptor, so that children can hold it too."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run to finish its install")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def make_venv(folder: str, python: str, with_pip: bool, lock: int) -> None:
    """Create a virtual environment; `uv` needs no pip in it."""
    options = [] if with_pip else ["--without-pip"]
    run([python, "-m", "venv", *options, folder], lock, "no environment was made")


def install(python: str, what: "list[str]", constraints: "str | None", uv: "str | None", lock: int) -> None:
    """Install requirements into the environment of `python`, quietly."""
    limits = ["-c", constraints] if constraints else []
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", python, *limits, *what]
    else:
        if not probe(python, "import pip"):  # uv made it and is gone
            run([python, "-m", "ensurepip"], lock, "pip could not be added", quiet=True)
        quietly = ["-qq", "--no-input", "--disable-pip-version-check"]
        command = [python, "-m", "pip", "install", *quietly, *limits, *what]
    run(command, lock, "the install failed; its words are above")


def run(command: "list[str]", lock: int, complaint: str, quiet: bool = False) -> None:
    """Run an installer from the checkout, in an environment where nothing leads it astray."""
    import subprocess

    nothing = subprocess.DEVNULL
    out = nothing if quiet else sys.stderr
    environment = clean_environment()
    code = subprocess.call(command, cwd=ROOT, env=environment, pass_fds=[lock], stdin=nothing, stdout=out)
    if code:
        raise SetupError(f"{complaint} ({os.path.basename(command[0])} ended with {code})")


def clean_environment() -> "dict[str, str]":
    """Copy the environment: without what leads an install astray, with a home that can be written to."""
    environment = {name: value for name, value in os.environ.items() if name not in ASTRAY}
    environment["PIP_USER"] = "0"  # a configuration file may say otherwise
    bundles = [environment[name] for name in CERTIFICATES if environment.get(name)]
    for name in CERTIFICATES[:2] if bundles else ():  # uv reads the first, pip the second
        environment.setdefault(name, bundles[0])
    home = os.path.expanduser("~")
    if not os.path.isabs(home) or not os.access(home, os.W_OK | os.X_OK):
        environment["HOME"] = os.path.join(ROOT, ".cache", "home")
        os.makedirs(environment["HOME"], exist_ok=True)
    return environment


def find_uv() -> "str | None":
    """Find a `uv` that runs (a version manager's shim may not)."""
    import shutil

    uv = shutil.which("uv")
    return uv if uv and succeeds([uv, "--version"]) else None


def find_python(with_pip: bool) -> str:
    """Find a Python that can make the environment; the one that runs this comes first."""
    modules = "venv, ensurepip" if with_pip else "venv"
    for candidate in candidates():
        if probe(candidate, f"import {modules}"):
            return candidate
    raise SetupError(
        "found no Python >= 3.11 that can make a virtual environment.\n"
        "  Debian, Ubuntu: apt install python3-venv.  Anywhere: install uv and have it on PATH."
    )


def candidates() -> "Iterator[str]":
    """Go through interpreters: this one, those on PATH, those of pyenv (its shims may lead nowhere)."""
    import glob

    names = ["python3.13", "python3.12", "python3.11", "python3.14", "python3"]
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found = [os.path.join(folder, name) for name in names for folder in folders]
    found += sorted(glob.glob(os.path.join(pyenv, "versions", "3.*", "bin", "python3")))
    seen = set()
    for path in [sys.executable, *found]:
        real = os.path.realpath(path)
        if os.access(real, os.X_OK) and os.path.isfile(real):
            # A venv's interpreter stands for its base; a shim must be called by its own name.
            python = path if is_script(real) else real
            if python not in seen:
                seen.add(python)
                yield python


def is_script(path: str) -> bool:
    """Whether this is a program in words, as version managers put before interpreters."""
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def probe(python: str, code: str) -> bool:
    """Whether an interpreter is new enough and runs this code."""
    return succeeds([python, "-I", "-c", f"import sys; assert sys.version_info >= {OLDEST}; {code}"])


def succeeds(command: "list[str]") -> bool:
    """Whether a command can be run and ends with 0."""
    import subprocess

    quiet = subprocess.DEVNULL
    try:
        return subprocess.call(command, stdin=quiet, stdout=quiet, stderr=quiet, timeout=60) == 0
    except (OSError, subprocess.SubprocessError):
        return False


def hand_over(arguments: "list[str]") -> int:
    """Go on in a newer Python: one that is here, or one that `uv` finds or fetches."""
    again = ["-IS", os.path.abspath(__file__), *arguments]
    for candidate in candidates():
        if probe(candidate, "pass"):
            os.execv(candidate, [candidate, *again])
    uv = find_uv()
    if uv:
        os.execv(uv, [uv, "run", "--quiet", "--no-project", "--python", ">=3.11,<3.15", "python", *again])
    here = ".".join(map(str, sys.version_info[:2]))
    say(f"this is Python {here} and I found none >= 3.11: install one, or uv, and have it on PATH")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
