"""The tables of numbers that an event has beside its own, and how queries call them."""

#: What a query may ask of an event itself.
EVENT = frozenset(
    "gpstime far far_is_upper_limit likelihood nevents instruments offline reporting_latency replay_id".split()  # noqa: SIM905 - a list would be a page long
)

_SPINS = "spin1x spin1y spin1z spin2x spin2y spin2z"
_ALPHAS = "alpha alpha1 alpha2 alpha3 alpha4 alpha5 alpha6 beta"
_FINAL = "f_final eta psi0 psi3"

#: table -> its columns, in the order of an answer
COLUMNS: dict[str, tuple[str, ...]] = {
    name: tuple(columns.split())
    for name, columns in {
        "CoincInspiral": "ifos end_time end_time_ns mass mchirp minimum_duration snr false_alarm_rate combined_far",
        "SingleInspiral": (
            "ifo search channel end_time end_time_ns end_time_gmst impulse_time impulse_time_ns template_duration "
            "event_duration amplitude eff_distance coa_phase mass1 mass2 mchirp mtotal kappa chi tau0 tau2 tau3 tau4 "
            f"tau5 ttotal {_ALPHAS} {_FINAL} snr chisq chisq_dof bank_chisq bank_chisq_dof cont_chisq cont_chisq_dof "
            f"sigmasq rsqveto_duration {' '.join(f'Gamma{number}' for number in range(10))} {_SPINS}"
        ),
        "MultiBurst": (
            "ifos start_time start_time_ns duration peak_time peak_time_ns central_freq bandwidth amplitude snr "
            "confidence false_alarm_rate ligo_axis_ra ligo_axis_dec ligo_angle ligo_angle_sig single_ifo_times"
        ),
        "MLyBurst": "bandwidth central_freq central_time duration ifos score_coher score_coinc score_comb",
        "LalInferenceBurst": (
            "bci quality_mean quality_median bsn omicron_snr_network omicron_snr_H1 omicron_snr_L1 omicron_snr_V1 "
            "hrss_mean hrss_median frequency_mean frequency_median"
        ),
        "GRB": (
            "ivorn author_ivorn author_shortname observatory_location_id coord_system ra dec error_radius "
            "how_description how_reference_url T90 trigger_duration designation redshift trigger_id"
        ),
        "SimInspiral": (
            f"mass1 mass2 mchirp {_FINAL} coa_phase latitude longitude distance inclination polarization waveform "
            f"source taper f_lower phi0 theta0 amp_order {_SPINS} {_ALPHAS} geocent_end_time geocent_end_time_ns "
            "end_time_gmst h_end_time h_end_time_ns l_end_time l_end_time_ns v_end_time v_end_time_ns g_end_time "
            "g_end_time_ns t_end_time t_end_time_ns eff_dist_h eff_dist_l eff_dist_v eff_dist_g eff_dist_t "
            "numrel_mode_min numrel_mode_max numrel_data bandpass"
        ),
        "NeutrinoEvent": "ivorn coord_system ra dec error_radius far_ne far_unit signalness energy src_error_90 "
        "src_error_50 amon_id run_id event_id stream",
    }.items()
}

_SHORT = {"si": "SingleInspiral", "ci": "CoincInspiral", "mb": "MultiBurst", "li": "LalInferenceBurst"}
_SHORT |= {"ml": "MLyBurst", "grb": "GRB", "inj": "SimInspiral"}
#: how a query calls a table -> the table
BY_PREFIX = _SHORT | {name.lower() + end: name for name in _SHORT.values() for end in ("", "event")}
