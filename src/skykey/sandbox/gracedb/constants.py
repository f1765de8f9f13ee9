"""The names that a GraceDB server knows: what events may be called, said, labelled and signed off as."""


def _names(text: str) -> list[str]:
    return text.split()


GROUPS = ["CBC", "Burst", "Detchar", "External", "Test"]
PIPELINES = _names(
    "CWB2G spiir HardwareInjection X Q Omega Ringdown Fermi Swift CWB SNEWS oLIB pycbc INTEGRAL AGILE gstlal MLy "
    "MBTAOnline MBTA CHIME PyGRB aframe SVOM IceCube GWAK"
)
#: Pipelines of the past: their events stay, and there are no new ones.
CLOSED = ("X", "Q", "Omega")
SEARCHES = _names(
    "AllSky LowMass HighMass GRB Supernova MDC LowMassSim AllSkyLong O2VirgoTest BBH IMBH SubGRB EarlyWarning "
    "SubGRBTargeted SSM FRB LensingSubthreshold VTInjection HEN Catalog"
)
IFOS = ("H1", "L1", "V1")
LABELS = _names(
    "INJ DQV DQOK DQR_REQUEST EM_READY EM_Selected EM_SelectedConfident EM_Superseded EM_Throttled EM_COINC EM_SENT "
    "PE_READY PASTRO_READY EMBRIGHT_READY SKYMAP_READY EXT_SKYMAP_READY COMBINEDSKYMAP_READY SOG_READY RAVEN_ALERT "
    "NOT_GRB GRB_ONLINE GRB_OFFLINE GCN_PRELIM_SENT LOW_SIGNIF_PRELIM_SENT LOW_SIGNIF_LOCKED SIGNIF_LOCKED "
    "EARLY_WARNING HIGH_PROFILE SNR_OPTIMIZED SUBSOLAR_MASS LLAMA_COMPLETE HWINJREQ HWINJOK HWINJNO ADVREQ ADVOK ADVNO "
    "cWB_r cWB_s LUMIN_GO LUMIN_NO SWIFT_GO SWIFT_NO 2022_LENSING_MDC"
) + [f"{ifo}{end}" for ifo in IFOS for end in ("OPS", "OK", "NO")]
#: Labels that only a signoff sets and takes away.
PROTECTED = {f"{who}{end}" for who in (*IFOS, "ADV") for end in ("OK", "NO")}
#: Label that asks for a signoff -> beginning of the labels that are its outcome.
REQUESTS = {"ADVREQ": "ADV"} | {f"{ifo}OPS": ifo for ifo in IFOS}
BLESSED = _names(
    "analyst_comments em_follow psd data_quality sky_loc background ext_coinc strain tfplots pe sig_info audio"
)
#: Tags that show a log entry to others than the collaboration.
ACCESS_TAGS = ("lvem", "public")
EM_GROUPS = _names(
    "AGILE ATLAS CALET CHIME CTA DECam DES Einstein_Probe Fermi GECAM GOTO GRANDMA HAWC HXMT IceCube INTEGRAL JAGWAR "
    "KM3NeT KMTNet LCO LOFAR MASTER MAXI MeerLICHT MWA NuSTAR Pan-STARRS Pierre_Auger SAGUARO SkyMapper SVOM Swift "
    "TESS Test VLA VERITAS VISTA Zadko ZTF"
)
CATEGORIES = {"P": "Production", "T": "Test", "M": "MDC"}
SIGNOFF_TYPES = {"OP": "operator", "ADV": "advocate"}
SIGNOFF_STATUSES = {"OK": "OKAY", "NO": "NOT OKAY"}
INSTRUMENTS = {"H1": "LHO", "L1": "LLO", "V1": "Virgo"}
NOTICE_TYPES = {"PR": "preliminary", "IN": "initial", "UP": "update", "RE": "retraction", "EW": "earlywarning"}
SERVER_VERSIONS = {"current": "2.36.0", "classic": "2.11.0"}
