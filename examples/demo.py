"""The whole way on this machine: one credential, one discovery, one query, one picture. Run it with `make demo`.

It starts a sandbox (a local site with a throw-away token, recorded telemetry and a made-up night), then does what you
would do with a real site. Below `main`, the only lines that know of the sandbox are in `local_site`.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SKYKEY = (sys.executable, "-m", "skykey")
PICTURE = Path(__file__).parent.parent / "demo-output" / "night.png"
SUNSET, SUNRISE = "2026-03-20T22:53:00Z", "2026-03-21T10:47:00Z"


def main() -> None:
    """Do what you would do with a real site, on a local one."""
    say("1. A local site, as `skykey sandbox up` starts it")
    with local_site() as url:
        print(f"   {url} serves tokens, discovery and telemetry until this demo ends.")

        say("2. Which credential is used, and why that one: `skykey why rubin --ask`")
        subprocess.run([*SKYKEY, "why", "rubin", "--ask"], check=True)

        # From here on it is a program like any other. Only now, because imports take longer than all the questions.
        import pandas as pd

        from skykey.repertoire import SyncDiscoveryClient
        from skykey.rubin.connections import get_clients

        say("3. Where telemetry is: the site's own discovery, without any credential")
        discovery = SyncDiscoveryClient()
        for label in discovery.influxdb_databases():
            if (database := discovery.influxdb_connection_info(label)) is not None:
                print(f"   {label:<16} {database.database:<12} at {database.url}")

        # The token that `why` has shown; it buys a login for each database, which goes to that database only.
        clients = get_clients()
        efd = clients["efd"]

        say("4. Recorded telemetry: the latest rows of one topic, a statement about another")
        foo = efd.select_top_n("lsst.sal.fooSubSys.test", ["foo", "bar"], 3)
        bar = efd.query('SELECT eggs, ham, salIndex FROM "lsst.sal.barSubSys.test" WHERE salIndex = 1 LIMIT 3')
        print(indented(foo.to_string()), indented(bar.to_string()), sep="\n\n")

        say("5. A generated night at Cerro Pachon: the mount every second, the air every ten; here hour by hour")
        night = {
            axis: efd.select_time_series(f"lsst.sal.MTMount.{axis}", "actualPosition", SUNSET, SUNRISE)
            for axis in ("elevation", "azimuth")
        }
        for place, index in (("outside", 111), ("inside", 112)):
            night[place] = efd.select_time_series(
                "lsst.sal.ESS.temperature", "temperatureItem0", SUNSET, SUNRISE, index=index
            )
        curves = {name: frame.iloc[:, 0] for name, frame in night.items()}
        hours = pd.DataFrame({name: curve.resample("1h").first().round(1) + 0 for name, curve in curves.items()})
        print(indented(hours.rename_axis("UTC").rename(index="{:%d %b %H:%M}".format).to_string(float_format="%.1f")))
        print(f"   {sum(map(len, curves.values())):,} rows. An answer that is not whole would have raised an error.")

        say("6. A picture")
        draw(curves)
        print(f"   {PICTURE}")
    say("Done, and the site is stopped. Next: skykey --help, or the README.")


def draw(curves: "dict[str, pd.Series]") -> None:
    """Elevation, azimuth and temperatures, one under the other; time without telemetry is marked."""
    import matplotlib.dates as mdates
    import pandas as pd
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), dpi=150, layout="constrained")
    panels = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 2))
    contents = (
        ("elevation (degrees)", {"elevation": ("mount, elevation", "#0072B2")}),
        ("azimuth (degrees)", {"azimuth": ("mount, azimuth", "#0072B2")}),
        ("air (\N{DEGREE SIGN}C)", {"inside": ("inside the dome", "#009E73"), "outside": ("outside", "#D55E00")}),
    )
    for panel, (label, names) in zip(panels, contents, strict=True):
        for name, (legend, colour) in names.items():
            curve = curves[name].resample("10s").first()  # where nothing was measured: empty, so nothing is drawn
            panel.plot(curve.index, curve, color=colour, linewidth=1, label=legend)
            pauses = curves[name].index.to_series().diff()
            for end, length in pauses[pauses > pd.Timedelta("60s")].items():
                panel.axvspan(end - length, end, color="#CC79A7", alpha=0.5, linewidth=0, label="no telemetry")
        panel.set_ylabel(label)
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(loc="lower right", bbox_to_anchor=(1, 1), borderpad=0, fontsize=9, ncols=3, frameon=False)
    panels[-1].xaxis.set_major_locator(mdates.HourLocator())
    panels[-1].xaxis.set_major_formatter(mdates.DateFormatter("%H:%M", tz="UTC"))
    panels[-1].set_xlabel("UTC, 2026-03-20 to 2026-03-21")
    panels[-1].margins(x=0.01)
    figure.align_ylabels()
    figure.suptitle("A night on Cerro Pachon (generated)", x=0.01, ha="left", fontweight="bold")
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE)


@contextmanager
def local_site() -> Iterator[str]:
    """Run a sandbox, and point this process and its children to it; stop it, whatever happens."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="skykey-demo-") as state:
        command = [*SKYKEY, "sandbox", "up", "--json", "--state", state]
        # In the foreground and not with --detach: it must not outlive the demo, however that ends.
        sandbox = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            if sandbox.stdout is None or sandbox.stdout.readline() != "{\n":  # printed once it is ready
                sys.exit("the sandbox did not start: try `skykey sandbox up`")
            shown = subprocess.run(
                [*SKYKEY, "sandbox", "env", "--json", "--state", state], check=True, capture_output=True
            )
            changes = json.loads(shown.stdout)
            for name in changes["unset"]:  # a real token of yours, which the sandbox must not see
                os.environ.pop(name, None)
            os.environ.update(changes["set"])
            yield os.environ["EXTERNAL_INSTANCE_URL"]
        finally:
            sandbox.terminate()
            sandbox.communicate()


def say(text: str) -> None:
    """A heading."""
    print(f"\n{text}", flush=True)


def indented(text: str) -> str:
    """Three blanks before each line."""
    return "\n".join(f"   {line}" for line in text.splitlines())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
