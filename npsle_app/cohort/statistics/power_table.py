"""What the study could have found, before looking at what it did find."""

import pandas as pd

from npsle_app.cohort.estimators.power import detectable_correlation, detectable_difference
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.populations import contrast_sides, members

COLUMNS = ["question", "label", "n", "n_against", "df", "effect", "detectable"]
_DIFFERENCE = "standardised mean difference"
_CORRELATION = "partial correlation"
_LEAST = 2


def make_power_table(cohort: Cohort) -> pd.DataFrame:
    """Give the effect that 80 % power would find at the study's alpha, two-sided.

    One row per contrast, from the sizes of its two sides, and one for the correlations, from
    the size of their population if nothing were missing. No test is corrected for others.
    """
    study = cohort.study
    rows: list[tuple[object, ...]] = []
    for contrast in study.contrasts:
        sides = contrast_sides(cohort.frame, study=study, contrast=contrast)
        n, against = (int(side.sum()) for side in sides)
        enough = min(n, against) >= _LEAST
        found = detectable_difference(n, n_against=against, alpha=study.alpha) if enough else None
        df = n + against - 2 if enough else None
        rows.append((contrast.name, contrast.label, n, against, df, _DIFFERENCE, found))
    asked = study.correlations
    n = int(members(cohort.frame, population=study.populations[asked.population]).sum())
    df = n - 2 - len(asked.covariates)
    r = detectable_correlation(df, alpha=study.alpha) if df >= _LEAST else None
    rows.append(("correlations", study.label(asked.population), n, None, df, _CORRELATION, r))
    return pd.DataFrame(rows, columns=COLUMNS).astype({"n_against": "Int64", "df": "Int64"})
