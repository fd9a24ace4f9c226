"""What the columns of the statistics' tables are called and mean, in one place."""

from collections.abc import Iterable

from npsle_app.cohort.study.columns import CLINICAL, describe_column
from npsle_app.cohort.study.exclusion import EXCLUDED
from npsle_app.cohort.study.joining import BASELINE
from npsle_app.cohort.study.normative_columns import MEANINGS as OF_DEVIATIONS

_95 = "limit of the 95 % confidence interval"
# name: label, description
_MEANINGS = {
    "participant_id": ("Participant", "Participant"),
    BASELINE: ("Session", "Session that the row is taken from; n/a where there are none"),
    EXCLUDED: ("Left out because", "First reason to leave the participant out; n/a: enters"),
    "qc_rating": ("Rating", "Rating given in the report's form"),
    "qc_exclude": ("Excluded by a rater", "Whether a rater excludes the session"),
    "qc_stages": ("Stages not to be used", "Stages that a rater marked as not to be used"),
    "reason": ("Reason", "Why participants are left out, or why nothing could be estimated"),
    "participants": ("Participants", "Their ids"),
    "analysis": ("Analysis", "Name of the analysis"),
    "what": ("What", "Variable, pair or model"),
    "population": ("Population", "Name of the population in the study file"),
    "population_label": ("Population", "What the population is called"),
    "enters": ("Enters", "Number of participants with all columns that the analysis takes"),
    "why_not": ("Why not", "How many lack which column; one may lack several"),
    "comparison": ("Comparison", "Populations that are compared, the reference first"),
    "variable": ("Variable", "Column of the analysis frame"),
    "label": ("Variable", "What the variable is called"),
    "unit": ("Unit", "Unit of the variable"),
    "level": ("Level", "Level of a categorical variable"),
    "n": ("n", "Number of participants with a value"),
    "missing": ("Missing", "Number of participants of the population without all values"),
    "count": ("Count", "Number of participants at the level"),
    "percent": ("%", "Share of participants with a value who are at the level"),
    "mean": ("Mean", "Mean"),
    "sd": ("SD", "Standard deviation, n − 1"),
    "median": ("Median", "Median"),
    "median_low": ("Median, lower", f"Lower {_95} of the median, from order statistics"),
    "median_high": ("Median, upper", f"Upper {_95} of the median, from order statistics"),
    "p10": ("10 %", "10th percentile"),
    "p25": ("25 %", "25th percentile"),
    "p75": ("75 %", "75th percentile"),
    "p90": ("90 %", "90th percentile"),
    "least": ("Least", "Least value"),
    "greatest": ("Greatest", "Greatest value"),
    "summary": ("Summary", "How the variable is summarised"),
    "shown": ("Value", "The summary as a reader sees it"),
    "test_paper": ("Test, paper", "Test as Inglese 2021 did it"),
    "statistic_paper": ("Statistic, paper", "Its statistic; n/a for exact tests"),
    "df_paper": ("df, paper", "Its degrees of freedom"),
    "p_paper": ("p, paper", "Its p-value"),
    "test_recommended": ("Test", "Recommended test"),
    "statistic_recommended": ("Statistic", "Its statistic; n/a for exact tests"),
    "df_recommended": ("df", "Its degrees of freedom"),
    "p_recommended": ("p", "Its p-value"),
    "standardised_difference": (
        "Standardised difference",
        "Second population minus first over the pooled standard deviation; of levels: Yang 2012",
    ),
    "status": ("Status", "estimated, or not estimable"),
    "note": ("Note", "What was left out or replaced"),
    "measure": ("Measure", "Name of the measure"),
    "group": ("Group", "Group, or the later one of a pair"),
    "against": ("Against", "Group that it is compared with"),
    "group_label": ("Group", "What the group is called"),
    "against_label": ("Against", "What the group that it is compared with is called"),
    "h": ("H", "Kruskal-Wallis statistic, corrected for ties"),
    "df": ("df", "Degrees of freedom"),
    "p": ("p", "Two-sided p-value, not corrected; of regressions: with equal variances"),
    "q": ("q", "False discovery rate within the family (Benjamini-Hochberg)"),
    "epsilon2": ("ε²", "Effect size H / (N − 1), 0 to 1"),
    "low": ("Lower", f"Lower {_95}; of regressions: with equal variances"),
    "high": ("Upper", f"Upper {_95}; of regressions: with equal variances"),
    "family": ("Family", "Tests that share a false discovery rate"),
    "z": ("z", "Dunn's statistic; positive: the later group is higher"),
    "p_bonferroni": ("p, Bonferroni", "p-value times the number of pairs"),
    "p_holm": ("p, Holm", "p-value adjusted by Holm's steps"),
    "delta": ("Cliff's δ", "P(group > against) − P(group < against)"),
    "delta_low": ("δ, lower", f"Lower {_95} of Cliff's δ"),
    "delta_high": ("δ, upper", f"Upper {_95} of Cliff's δ"),
    "to_be_read": ("To be read", "yes if the Kruskal-Wallis test of the measure is below alpha"),
    "clinical": ("Clinical variable", "Column of the analysis frame"),
    "clinical_label": ("Clinical variable", "What the clinical variable is called"),
    "method": ("Method", "pearson, or spearman: all variables ranked before"),
    "covariates": ("Adjusted for", "Covariates of the model"),
    "r": ("r", "Partial correlation"),
    "contrast": ("Contrast", "Name of the contrast in the study file"),
    "contrast_label": ("Contrast", "What the contrast is called"),
    "model": ("Model", "primary, secondary or a sensitivity analysis"),
    "transform": ("Transform", "How the outcome entered the model"),
    "n_group": ("n, group", "Participants in the group of the contrast"),
    "n_against": ("n, against", "Participants in the population it is compared with"),
    "n_zero": ("Zeros", "Outcomes of zero, replaced before the logarithm"),
    "b": (
        "B",
        "Difference group minus against at equal covariates, unit of the outcome as entered",
    ),
    "se": ("SE", "Standard error with equal variances"),
    "se_hc3": ("SE, HC3", "Standard error robust to unequal variances"),
    "low_hc3": ("Lower, HC3", f"Lower {_95}, robust to unequal variances"),
    "high_hc3": ("Upper, HC3", f"Upper {_95}, robust to unequal variances"),
    "p_hc3": ("p, HC3", "p-value robust to unequal variances"),
    "q_hc3": ("q, HC3", "False discovery rate within the family, of the robust p-values"),
    "ratio": ("Ratio", "exp(B): how many times the geometric mean, for logarithms alone"),
    "ratio_low": ("Ratio, lower", f"Lower {_95} of the ratio"),
    "ratio_high": ("Ratio, upper", f"Upper {_95} of the ratio"),
    "beta": ("B / SD", "B over the standard deviation of the residuals"),
    "partial_r2": ("Partial R²", "Share of what covariates leave that the contrast explains"),
    "r2": ("R²", "Share of the variance that the whole model explains"),
    "detectable_b": ("Detectable B", "B that the model would find with 80 % power"),
    "vif": ("VIF", "Variance inflation of the contrast"),
    "max_vif": ("VIF, greatest", "Greatest variance inflation of all variables"),
    "missing_information": ("Information lost", "Share of information lost to missing values"),
    "max_cook": ("Cook's distance", "Greatest Cook's distance; n/a: one decides a coefficient"),
    "max_cook_participant": ("Most influential", "Participant with the greatest Cook's distance"),
    "heteroscedasticity_p": ("p, variances", "Breusch-Pagan test of equal variances (Koenker)"),
    "normality_p": ("p, normality", "Jarque-Bera test of normal residuals"),
    "question": ("Question", "Contrast or correlations"),
    "effect": ("Effect", "Which effect could be detected"),
    "detectable": ("Detectable", "Effect that 80 % power would find"),
}


def heading(name: str) -> str:
    """Return what a table's column is called; with its unit for columns of the frame.

    Examples
    --------
    >>> heading("p_hc3"), heading("age")
    ('p, HC3', 'Age, year')
    """
    if name in _MEANINGS:
        return _MEANINGS[name][0]
    told = name in OF_DEVIATIONS and name not in CLINICAL
    return OF_DEVIATIONS[name][0] if told else describe_column(name).heading


def make_dictionary(columns: Iterable[str]) -> dict[str, dict[str, object]]:
    """Make the JSON dictionary of a table: label, description and unit of each column."""
    return {name: _meaning(name) for name in columns}


def _meaning(name: str) -> dict[str, object]:
    if name in _MEANINGS:
        label, description = _MEANINGS[name]
        return {"LongName": label, "Description": description}
    column = describe_column(name)
    description = f"{column.label} at the baseline session"
    told: dict[str, object] = {"LongName": column.label, "Description": description}
    if column.kind == "yes_no":
        return told | {"Levels": {"1": "yes", "0": "no"}}
    return told | ({"Units": column.unit} if column.unit else {})
