"""A fitted model: its equation, predictions for new participants, and how JSON holds it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.special import expit

from npsle_app.arrays import Floats
from npsle_app.cohort.classifier.problem import NotEstimableError, Problem, Term
from npsle_app.cohort.estimators.model_file import read_model_file
from npsle_app.cohort.estimators.tuned_ridge import TunedFits
from npsle_app.decoding import encode

INTENDED_USE = "Research only. No medical device; not for the diagnosis or treatment of anyone."
FORMAT = "npsle_app classifier"
FORMAT_VERSION = 1
_LAST_DIGITS = 1e-9  # another Python may add up in another order


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


_SAME = ("app_version", "positive", "negative", "participants", "events", "inverse_penalty",
  "performance")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _PredictorFile:
    column: str
    block: str
    unit: str
    level: str | None
    ln_with_zero_as: float | None
    mean: float
    sd: Annotated[float, Field(ge=0)]
    coefficient_standardised: float
    coefficient_per_unit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _ModelFile:
    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    app_version: str
    intended_use: str
    positive: str
    negative: str
    participants: Annotated[int, Field(ge=1)]
    events: Annotated[int, Field(ge=0)]
    equation: str
    constant: float
    intercept_of_standardised: float
    cut_log_odds: float
    cut_probability: float
    inverse_penalty: Annotated[float, Field(ge=0)]
    predictors: tuple[_PredictorFile, ...]
    performance: Mapping[str, Any]


def to_plain(model: Model) -> Any:
    """Return the model as JSON knows it."""
    return encode(_file_of(model))


def from_plain(content: Any) -> Model:
    """Read a model back.

    Raises
    ------
    ValueError
        If it is no model of this format, a number in it is none, it has a predictor twice, or
        its equation is another than its coefficients give.
    """
    told = read_model_file(
        _ModelFile, content, name=FORMAT, version=FORMAT_VERSION, what="classifier"
    )
    rows = told.predictors
    model = Model(
        terms=tuple(
            Term(
                column=row.column,
                block=row.block,
                unit=row.unit,
                level=row.level,
                zero_becomes=row.ln_with_zero_as,
            )
            for row in rows
        ),
        mean=tuple(row.mean for row in rows),
        sd=tuple(row.sd for row in rows),
        coefficients=tuple(row.coefficient_standardised for row in rows),
        intercept=told.intercept_of_standardised,
        cut=told.cut_log_odds,
        **_same(told),
    )
    _check_terms(model)
    _check_agreement(told, _file_of(model))
    return model


def _file_of(model: Model) -> _ModelFile:
    rows = zip(model.terms, model.mean, model.sd, model.coefficients, model.slopes, strict=True)
    return _ModelFile(
        intended_use=INTENDED_USE,
        equation=model.equation,
        constant=model.constant,
        intercept_of_standardised=model.intercept,
        cut_log_odds=model.cut,
        cut_probability=float(expit(np.array(model.cut))),
        predictors=tuple(
            _PredictorFile(
                column=term.column,
                block=term.block,
                unit=term.unit,
                level=term.level,
                ln_with_zero_as=term.zero_becomes,
                mean=mean,
                sd=sd,
                coefficient_standardised=coefficient,
                coefficient_per_unit=slope,
            )
            for term, mean, sd, coefficient, slope in rows
        ),
        **_same(model),
    )


def _same(model: Model | _ModelFile) -> dict[str, Any]:
    return {name: getattr(model, name) for name in _SAME}


def _check_terms(model: Model) -> None:
    names = [term.name for term in model.terms]
    if not names:
        msg = "it has no predictors; fit it again"
        raise ValueError(msg)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"it has {' and '.join(twice)} twice among its predictors; fit it again"
        raise ValueError(msg)
    if model.events > model.participants or model.positive == model.negative:
        msg = (
            f"it tells {model.positive!r} from {model.negative!r} by {model.events} of "
            f"{model.participants} participants, which cannot be; fit it again"
        )
        raise ValueError(msg)


def _check_agreement(told: _ModelFile, computed: _ModelFile) -> None:
    """Refuse a file whose parts were not written together: which of them is right is not known."""
    given, expected = _derived(told), _derived(computed)
    wrong = [
        f"its {name} is {given[name]}, its other numbers give {expected[name]}"
        for name in given
        if not _agree(given[name], expected[name])
    ]
    if wrong:
        msg = f"it was changed by hand ({'; '.join(wrong)}); fit it again"
        raise ValueError(msg)


def _derived(file: _ModelFile) -> dict[str, float | str]:
    """Return what a file says although its other numbers give it."""
    slopes: dict[str, float | str] = {
        f"predictors[{number}].coefficient_per_unit": row.coefficient_per_unit
        for number, row in enumerate(file.predictors)
    }
    rest = ("constant", "cut_probability", "equation")
    return slopes | {name: getattr(file, name) for name in rest}


def _agree(one: float | str, other: float | str) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_LAST_DIGITS, abs_tol=_LAST_DIGITS)
    return one == other
