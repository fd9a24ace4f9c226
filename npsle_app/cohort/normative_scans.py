"""The scans of a study as a normative model takes them."""

import pandas as pd

from npsle_app.cohort.normative_visits import SCAN
from npsle_app.cohort.study import Study


def describe_scans(
    visits: pd.DataFrame, *, study: Study
) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """Lay out all scans for a normative model.

    Returns
    -------
    frame
        `participant_id` (the scan's id), `age`, `sex`, `tiv_ml`, `tbv_ml` and `site` where
        they are there, and the regions; volumes of excluded scans are there too.
    regions
        Those of the question that any scan has.
    notes
        What a reader must know of sites.

    Raises
    ------
    ValueError
        If no region or no TIV was measured.
    """
    asked = study.normative
    regions = tuple(
        name for name in asked.scored_regions if name in visits and visits[name].notna().any()
    )
    if not regions:
        msg = "no region was measured: run the participant level with its stage regions"
        raise ValueError(msg)
    if "tiv_ml" not in visits or visits["tiv_ml"].isna().all():
        msg = "no total intracranial volume was measured (tiv_ml), which every model needs"
        raise ValueError(msg)
    taken = [name for name in ("age", "sex", "tiv_ml", "tbv_ml", *regions) if name in visits]
    frame = visits[taken].assign(participant_id=visits[SCAN])
    if "sex" not in frame:
        frame = frame.assign(sex=None)
    named = site_column(visits, study=study)
    if named is None:
        return frame, regions, (f"no column {' or '.join(asked.site)}: sites have no term",)
    return frame.assign(site=visits[named]), regions, ()


def site_column(visits: pd.DataFrame, *, study: Study) -> str | None:
    """Return the first of the study's columns of sites that is there; None if none is."""
    there = (name for name in study.normative.site if name in visits and visits[name].notna().any())
    return next(there, None)
