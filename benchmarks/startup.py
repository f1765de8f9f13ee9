"""How long things take to start, against a bare interpreter. Prints; decides nothing.

    python benchmarks/startup.py [RUNS]

Each line is the best of many runs in turn (a busy machine slows all of them alike), the time over a bare interpreter,
and the ratio to it.
"""

import subprocess
import sys
import time

CASES = {
    "a bare interpreter": ["-c", "pass"],
    "import skykey": ["-c", "import skykey"],
    "skykey --version": ["-m", "skykey", "--version"],
    "get_clients()": ["-c", "from skykey.rubin.connections import get_clients; get_clients(site='usdf')"],
    "import click": ["-c", "import click"],
    "skykey --help": ["-m", "skykey", "--help"],
    "skykey token rubin": ["-m", "skykey", "token", "rubin"],
    "skykey why rubin": ["-m", "skykey", "why", "rubin"],
    "gracedb.rest": ["-c", "from skykey.gracedb.rest import GraceDb"],
    "GraceDb()": ["-c", "from skykey.gracedb.rest import GraceDb; GraceDb(force_noauth=True)"],
    "skykey gracedb --version": ["-m", "skykey", "gracedb", "--version"],
    "skykey gracedb --help": ["-m", "skykey", "gracedb", "--help"],
}
LIMITS = {  # milliseconds over bare
    "import skykey": 15,
    "skykey --version": 50,
    "get_clients()": 80,
    "skykey gracedb --version": 100,
    "skykey gracedb --help": 100,
}


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    best = dict.fromkeys(CASES, float("inf"))
    for _ in range(runs):
        for name, arguments in CASES.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
            best[name] = min(best[name], time.perf_counter() - begin)
    bare = best["a bare interpreter"]
    print(f"{'best of ' + str(runs):<26}{'ms':>8}{'over bare':>12}{'ratio':>8}{'limit':>8}")
    for name, seconds in best.items():
        limit = LIMITS.get(name, "")
        print(f"{name:<26}{seconds * 1e3:>8.1f}{(seconds - bare) * 1e3:>12.1f}{seconds / bare:>8.1f}{limit:>8}")


if __name__ == "__main__":
    main()
