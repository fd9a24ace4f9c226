"""How much of a difference between groups goes by way of a third measure, where a study asks."""

import warnings

import pandas as pd

from npsle_app.cohort.statistics.regressions import Sides, list_sides, take_sides, transform_outcome
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.covariates import take_covariates
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

_SEED = 20260101
_SAMPLES = 2000
_PATHS = {"Total": "total", "Direct": "direct", "Indirect": "indirect"}
COLUMNS = [
    *("contrast", "contrast_label", "outcome", "label", "mediator", "mediator_label", "path"),
    *("covariates", "n", "b", "low", "high", "p", "status", "reason", "note"),
]


def mediate(cohort: Cohort) -> pd.DataFrame:
    """Split each difference into its direct part and that by way of each mediator.

    pingouin's mediation analysis: limits of the indirect part by 2,000 bootstrap samples. It
    is an arithmetic of regressions; that the mediator comes first is what the study assumes.
    Without mediators in the study file there are no rows.
    """
    asked = cohort.study.mediation
    rows = [
        row
        for sides in list_sides(cohort)
        if not asked.contrasts or sides.contrast.name in asked.contrasts
        for outcome in asked.outcomes
        for mediator in asked.mediators
        if mediator != outcome
        for row in _mediate(cohort, sides, outcome, mediator)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _mediate(cohort: Cohort, sides: Sides, outcome: str, mediator: str) -> list[dict[str, object]]:
    import pingouin

    study = cohort.study
    names = tuple(one for one in study.mediation.covariates if one not in (outcome, mediator))
    told: dict[str, object] = {
        "contrast": sides.contrast.name,
        "contrast_label": sides.contrast.label,
        "outcome": outcome,
        "label": describe_column(outcome).label,
        "mediator": mediator,
        "mediator_label": describe_column(mediator).label,
        "covariates": ", ".join(names),
    }
    try:
        side, rows = take_sides(cohort, sides=sides, columns=(outcome, mediator, *names))
        taken = take_covariates(cohort, rows=rows, names=names, needed=(outcome, mediator))
        frame = pd.DataFrame(taken.matrix, columns=[f"c{i}" for i in range(len(taken.names))])
        for key, name in (("y", outcome), ("m", mediator)):
            values, _, _ = transform_outcome(rows.loc[taken.rows, name], study=study)
            frame[key] = values
        frame["x"] = side[taken.rows].to_numpy()
        if len(frame) <= len(frame.columns) + 1:
            msg = f"{len(frame)} complete participants are too few"
            raise ValueError(msg)  # noqa: TRY301 - told in the row, as all other reasons
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pingouin.mediation_analysis(
                frame,
                x="x",
                m="m",
                y="y",
                covar=[name for name in map(str, frame) if name.startswith("c")] or None,
                n_boot=_SAMPLES,
                seed=_SEED,
            ).set_index("path")
    except ValueError as error:
        reason = f"{outcome} by way of {mediator}, {sides.contrast.label}: {error}"
        return [told | {"status": NOT_ESTIMABLE, "reason": reason, "note": ""}]
    return [
        told
        | {
            "path": path,
            "n": len(frame),
            "b": float(found.loc[name, "coef"]),
            "low": float(found.loc[name].iloc[3]),
            "high": float(found.loc[name].iloc[4]),
            "p": float(found.loc[name].iloc[2]),
            "status": ESTIMATED,
            "reason": "",
            "note": "",
        }
        for name, path in _PATHS.items()
    ]
