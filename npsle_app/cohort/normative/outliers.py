"""Scans of a reference whose volumes cannot be right."""

import warnings

import numpy as np
import pandas as pd

from npsle_app.arrays import MAD_TO_SD, Floats

LARGEST_DISTANCE = 6.0
TIV, BRAIN = "tiv_ml", "tbv_ml"
COLUMNS = ["participant_id", "column", "distance", "reason"]
_LEAST_PEOPLE = 20
_PER_FEW = 2.0  # a robust deviation of few people is itself uncertain
_BISQUARE = 4.685


def find_outlier_scans(frame: pd.DataFrame, *, regions: tuple[str, ...]) -> pd.DataFrame:
    """Name the scans that lie farther than 6 robust standard deviations from their like.

    In each sex every volume is regressed on TIV and a parabola of age, and the TIV on the sum
    of all volumes and age, by Tukey's bisquare; the limit is 6 · (1 + 2/√n). The deviation of
    a side is estimated from that side alone where it is the wider one, since ventricles are
    skewed in health. A brain that is larger than the TIV is impossible.

    Parameters
    ----------
    frame
        One row per healthy person: `participant_id`, `age` (years), `sex`, `tiv_ml`, and the
        volumes named by `regions`. Rows with missing values are passed over.

    Returns
    -------
    DataFrame
        One row per scan and column out of line; empty if there are fewer than 20 complete
        people of a sex. `distance` is in robust standard deviations, negative below; it is
        missing for what is impossible.
    """
    complete = frame.dropna(subset=["age", "sex", TIV, *regions])
    rows: list[dict[str, object]] = []
    for _, own in complete.groupby("sex"):
        if len(own) >= _LEAST_PEOPLE:
            rows += _find_distant(own, regions)
    rows += _find_impossible(complete)
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values(["participant_id", "column"], ignore_index=True)


def _find_distant(frame: pd.DataFrame, regions: tuple[str, ...]) -> list[dict[str, object]]:
    ages, sizes = frame["age"].to_numpy(dtype=float), frame[TIV].to_numpy(dtype=float)
    volumes = frame[list(regions)].to_numpy(dtype=float)
    curve = [np.ones(len(ages)), ages, ages**2]
    own = np.column_stack([*curve, sizes])
    found = [_distances(one, own) for one in volumes.T]
    found.append(_distances(sizes, np.column_stack([*curve, volumes.sum(axis=1)])))
    largest = LARGEST_DISTANCE * (1 + _PER_FEW / np.sqrt(len(ages)))
    return [
        _describe(str(frame["participant_id"].iloc[row]), name, float(distances[row]))
        for name, distances in zip((*regions, TIV), found, strict=True)
        for row in np.flatnonzero(np.abs(distances) > largest)
    ]


def _find_impossible(frame: pd.DataFrame) -> list[dict[str, object]]:
    if BRAIN not in frame:
        return []
    whose = frame[frame[BRAIN] >= frame[TIV]]
    return [
        {
            "participant_id": str(participant),
            "column": BRAIN,
            "distance": np.nan,
            "reason": f"the brain ({brain:.0f} mL) is not smaller than the TIV ({tiv:.0f} mL)",
        }
        for participant, brain, tiv in zip(
            whose["participant_id"], whose[BRAIN], whose[TIV], strict=True
        )
    ]


def _describe(participant: str, column: str, distance: float) -> dict[str, object]:
    what = "TIV for the sum of its volumes" if column == TIV else f"{column} for age, sex and TIV"
    side = "below" if distance < 0 else "above"
    reason = f"{what} lies {abs(distance):.1f} robust SD {side} its like"
    return {"participant_id": participant, "column": column, "distance": distance, "reason": reason}


def _distances(outcome: Floats, design: Floats) -> Floats:
    """Return residuals in robust standard deviations of their own side; 0 where all are equal."""
    from statsmodels.robust.norms import TukeyBiweight
    from statsmodels.robust.robust_linear_model import RLM
    from statsmodels.tools.sm_exceptions import ModelWarning

    scaled = design / np.linalg.norm(design, axis=0)
    with warnings.catch_warnings():  # that most people lie on the curve, or are of one age
        warnings.simplefilter("ignore", ModelWarning)
        fit = RLM(outcome, scaled, M=TukeyBiweight(_BISQUARE)).fit()
    residuals = np.asarray(fit.resid) - np.median(fit.resid)
    above, below = residuals[residuals > 0], residuals[residuals < 0]
    if not len(above) or not len(below):
        return np.zeros(len(outcome))
    all_over = float(np.median(np.abs(residuals)))
    up, down = max(float(np.median(above)), all_over), max(float(-np.median(below)), all_over)
    distances: Floats = residuals / (MAD_TO_SD * np.where(residuals > 0, up, down))
    return distances
