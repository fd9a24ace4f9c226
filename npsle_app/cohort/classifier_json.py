"""A fitted model as JSON holds it: plain numbers, read back with care."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from npsle_app.cohort.classifier_model import INTENDED_USE, Model
from npsle_app.cohort.classifier_problem import Term
from npsle_app.cohort.model_format import check_format
from npsle_app.cohort.ridge_logistic import expit

FORMAT = "npsle_app classifier"
FORMAT_VERSION = 1


def to_plain(model: Model) -> dict[str, Any]:
    """Return the model as JSON knows it."""
    rows = zip(model.terms, model.mean, model.sd, model.coefficients, model.slopes, strict=True)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "app_version": model.app_version,
        "intended_use": INTENDED_USE,
        "positive": model.positive,
        "negative": model.negative,
        "participants": model.participants,
        "events": model.events,
        "equation": model.equation,
        "constant": model.constant,
        "intercept_of_standardised": model.intercept,
        "cut_log_odds": model.cut,
        "cut_probability": float(expit(np.array(model.cut))),
        "inverse_penalty": model.inverse_penalty,
        "predictors": [
            {
                "column": term.column,
                "block": term.block,
                "unit": term.unit,
                "level": term.level,
                "ln_with_zero_as": term.zero_becomes,
                "mean": mean,
                "sd": sd,
                "coefficient_standardised": coefficient,
                "coefficient_per_unit": slope,
            }
            for term, mean, sd, coefficient, slope in rows
        ],
        "performance": dict(model.performance),
    }


def from_plain(content: Any) -> Model:
    """Read a model back.

    Raises
    ------
    ValueError
        If it is no model of this format, or a number in it is none.
    """
    check_format(content, name=FORMAT, version=FORMAT_VERSION, what="classifier")
    try:
        return _read(content)
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"it is no whole model ({error!r}); fit it again"
        raise ValueError(msg) from error


def _read(content: Mapping[str, Any]) -> Model:
    rows = content["predictors"]
    numbers = [
        *(row[key] for row in rows for key in ("mean", "sd", "coefficient_standardised")),
        content["intercept_of_standardised"],
        content["cut_log_odds"],
    ]
    if not all(isinstance(n, int | float) and np.isfinite(n) for n in numbers) or not rows:
        msg = "it has no predictors, or a coefficient that is no finite number; fit it again"
        raise ValueError(msg)
    return Model(
        terms=tuple(
            Term(
                column=str(row["column"]),
                block=str(row["block"]),
                unit=str(row["unit"]),
                level=row["level"],
                zero_becomes=row["ln_with_zero_as"],
            )
            for row in rows
        ),
        mean=tuple(float(row["mean"]) for row in rows),
        sd=tuple(float(row["sd"]) for row in rows),
        coefficients=tuple(float(row["coefficient_standardised"]) for row in rows),
        intercept=float(content["intercept_of_standardised"]),
        cut=float(content["cut_log_odds"]),
        inverse_penalty=float(content["inverse_penalty"]),
        positive=str(content["positive"]),
        negative=str(content["negative"]),
        participants=int(content["participants"]),
        events=int(content["events"]),
        app_version=str(content["app_version"]),
        performance=dict(content["performance"]),
    )
