"""The documented host names that ``--as-real`` plays, and the counterpart behind each."""

#: host -> Rubin site. A site on a loopback address counts as the first.
SITES = {
    "usdf-rsp.slac.stanford.edu": "usdf",
    "usdf-rsp-dev.slac.stanford.edu": "usdf-dev",
    "usdf-rsp-int.slac.stanford.edu": "usdf-int",
    "summit-lsp.lsst.codes": "summit",
    "base-lsp.lsst.codes": "base",
}

#: Where segwarides says that InfluxDB is when that is a program of its own (``--real influxdb``).
INFLUX = "influxdb.skykey-sandbox.invalid"

#: The site's own TLS name, at the sandbox's TLS port: for programs that look at no proxy. The schema registry is at its
#: root as well, because lsst-efd-client drops the path of a registry's address.
DIRECT = "localhost"

#: The other origin, which Rubin's first site names for telemetry of another one: a public site that names an address
#: of this machine is not believed.
SECOND = "second.skykey-sandbox.invalid"

#: The imagery platform, under its old name and that of its successor: application -> host.
IMAGERY = {
    "descarteslabs": {
        "iam": "iam.production.aws.descarteslabs.com",
        "echo": "platform.production.aws.descarteslabs.com",
        "account": "app.descarteslabs.com",
    },
    "earthone": {
        "iam": "iam.production.earthone.earthdaily.com",
        "echo": "platform.production.earthone.earthdaily.com",
        "account": "app.earthone.earthdaily.com",
    },
}

#: name of the platform (None: its address on loopback) -> file with a login for that address.
LOGIN_FILES = {None: "token_info.json"} | {system: f"token_info.{system}.json" for system in IMAGERY}

#: The hosts of GraceDB, of which all show the same database, and the issuer of its users' tokens.
GRACEDB = ("gracedb.ligo.org", "gracedb-playground.ligo.org", "gracedb-test.ligo.org")
GRACEDB_ISSUER = "https://cilogon.org/igwn"
#: whether real names are played -> file with a token of the issuer that goes with them.
GRACEDB_TOKENS = {False: "gracedb.use", True: "gracedb.as-real.use"}

#: Who may do everything there, and the file with their certificate and its key.
GRACEDB_USER = "albert.einstein@ligo.org"
GRACEDB_CERTIFICATE = "gracedb.pem"

#: host -> name of the application that answers for it. A later system adds its hosts here and its application
#: in ``server.py``; certificate, proxy and name constraints of the environment follow from this table.
HOSTS = dict.fromkeys(SITES, "site") | {"roundtable.lsst.codes": "segwarides", SECOND: "second", DIRECT: "direct"}
HOSTS |= {host: application for hosts in IMAGERY.values() for application, host in hosts.items()}
HOSTS |= dict.fromkeys(GRACEDB, "gracedb") | {"cilogon.org": "gracedb-issuer"}

REAL_SITE = f"https://{next(iter(SITES))}"
