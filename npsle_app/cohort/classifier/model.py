"""A fitted model: its equation, predictions for new participants, and how JSON holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from npsle_app.arrays import Floats
from npsle_app.cohort.classifier.problem import NotEstimableError, Problem, Term
from npsle_app.cohort.estimators.model_file import check_format
from npsle_app.cohort.estimators.tuned_ridge import TunedFits

INTENDED_USE = "Research only. No medical device; not for the diagnosis or treatment of anyone."
FORMAT = "npsle_app classifier"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """log odds = intercept + Σ coefficient · (value − mean) / sd.

    `mean`, `sd` and `coefficients` have one value per term; coefficients are those of
    standardised terms. `sd` is 0 for a term that did not vary, which then counts nothing.
    """

    terms: tuple[Term, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    cut: float
    inverse_penalty: float
    positive: str
    negative: str
    participants: int
    events: int
    app_version: str
    performance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def slopes(self) -> tuple[float, ...]:
        """Change of the log odds per unit of each term."""
        return tuple(
            b / s if s > 0 else 0.0 for b, s in zip(self.coefficients, self.sd, strict=True)
        )

    @property
    def constant(self) -> float:
        """Log odds where every term is 0."""
        return self.intercept - sum(b * m for b, m in zip(self.slopes, self.mean, strict=True))

    @property
    def equation(self) -> str:
        """The model as one line."""
        parts = [
            f"{'−' if slope < 0 else '+'} {abs(slope):.6g} × {term.name}"
            for slope, term in zip(self.slopes, self.terms, strict=True)
        ]
        return f"log odds({self.positive}) = {self.constant:.6g} {' '.join(parts)}"

    def log_odds(self, x: Floats) -> Floats:
        """Return the log odds of (n, p) terms; NaN for rows with a missing value."""
        found: Floats = self.constant + x @ np.array(self.slopes)
        return found

    def contributions(self, x: Floats) -> Floats:
        """Return what each term adds to the log odds, against the mean participant, (n, p).

        For a linear model these are the exact Shapley values of independent terms.
        """
        found: Floats = (x - np.array(self.mean)) * np.array(self.slopes)
        return found


def make_model(problem: Problem, fits: TunedFits, *, cut: float, app_version: str) -> Model:
    """Take the one model of `fits` out of its arrays."""
    return Model(
        terms=problem.terms,
        mean=tuple(map(float, fits.scaling.mean[0])),
        sd=tuple(map(float, fits.scaling.sd[0])),
        coefficients=tuple(map(float, fits.coefficients[0, :-1])),
        intercept=float(fits.coefficients[0, -1]),
        cut=cut,
        inverse_penalty=float(fits.inverse_penalty[0]),
        positive=problem.positive,
        negative=problem.negative,
        participants=len(problem.y),
        events=int(problem.y.sum()),
        app_version=app_version,
    )


def check_fit(
    model: Model, frame: pd.DataFrame, *, units: Mapping[str, str], app_version: str
) -> None:
    """Refuse what a model cannot be applied to.

    Raises
    ------
    ValueError
        If a predictor is missing, has another unit, or measures are of another version of the
        app; the message names them all.
    """
    reasons = []
    if _public(model.app_version) != _public(app_version):
        reasons.append(
            f"it was fitted to measures of version {model.app_version or 'unknown'}, these are of "
            f"{app_version or 'unknown'}: the same measure may differ between versions"
        )
    for column, unit in dict.fromkeys((term.column, term.unit) for term in model.terms):
        if column not in frame:
            reasons.append(f"there is no column {column}")
        elif frame[column].isna().all():
            reasons.append(f"{column} is missing in all participants")
        elif units.get(column, "1") != unit:
            reasons.append(f"{column} is in {units.get(column, '1')}, the model wants {unit}")
    if reasons:
        msg = "the model does not fit these data: " + "; ".join(reasons)
        raise ValueError(msg)


def apply_model(model: Model, frame: pd.DataFrame) -> pd.DataFrame:
    """Predict for each participant of a frame that `check_fit` let pass.

    Returns
    -------
    DataFrame
        `participant_id`, `probability`, `log_odds`, `called` (the class at the model's cut),
        `qc` and `reason`, then what each term adds to the log odds. A participant with a
        missing predictor has no probability: the state is "not assessable", the reason names
        the columns. A level that the model has not seen is missing too.
    """
    x = np.column_stack([_read_term(term, frame) for term in model.terms])
    log_odds = model.log_odds(x)
    known = np.isfinite(log_odds)
    table = pd.DataFrame(
        {
            "participant_id": frame["participant_id"].to_numpy(),
            "probability": np.where(known, expit(np.where(known, log_odds, 0.0)), np.nan),
            "log_odds": np.where(known, log_odds, np.nan),
            "called": [
                (model.positive if value >= model.cut else model.negative) if there else None
                for value, there in zip(log_odds, known, strict=True)
            ],
            "qc": np.where(known, "pass", "not assessable"),
            "reason": [_reason(model, row) for row in x],
        }
    )
    for term, values in zip(model.terms, model.contributions(x).T, strict=True):
        table[f"contribution of {term.name}"] = values
    return table


def _reason(model: Model, row: Floats) -> str | None:
    missing = [
        term.name for term, value in zip(model.terms, row, strict=True) if not np.isfinite(value)
    ]
    return f"no value of {', '.join(dict.fromkeys(missing))}" if missing else None


def _read_term(term: Term, frame: pd.DataFrame) -> Floats:
    try:
        return term.read(frame[term.column])
    except NotEstimableError as error:
        msg = f"the model does not fit these data: {error}"
        raise ValueError(msg) from error


def _public(version: str) -> str:
    return version.partition("+")[0]


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
        "cut_probability": float(expit(model.cut)),
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
