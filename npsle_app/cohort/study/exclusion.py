"""Who and which number is left out, and why."""

import re
from collections.abc import Iterator
from functools import partial

import pandas as pd

from npsle_app.cohort.study.cells import as_level, each
from npsle_app.cohort.study.joining import BASELINE, prefix_session
from npsle_app.cohort.study.measures import ALONE, GIVEN, KEYS, METHOD, SOFTWARE, WITH_T1W
from npsle_app.cohort.study.study import Exclusions, Study
from npsle_app.measures import MEASURES

EXCLUDED = "excluded_because"
NOT_LISTED, NOT_MEASURED = "not in participants.tsv", "no measures: not processed"
UNORDERED = "which session is the first is not known"
_NO = ("0", "no", "n", "false", "none")
_RATED_GOOD = ("good", "acceptable")
_RATINGS = ("qc_rating", "qc_exclude", "qc_stages", "qc_measures")


def take_measures(
    measures: pd.DataFrame, *, sessions: pd.DataFrame, rules: Exclusions
) -> tuple[pd.DataFrame, list[str]]:
    """Take the measures of the baseline session; those that checks failed become missing."""
    filled = measures.assign(session_id=measures["session_id"].astype(object).fillna(""))
    keys = sessions[["participant_id", BASELINE]].fillna("").set_axis(KEYS, axis=1)
    rows = keys.merge(filled, how="left", on=KEYS).drop(columns=KEYS)
    names = [name for name in rows if name in MEASURES]
    values = rows[names].astype(float)
    ratings = rows.reindex(columns=list(_RATINGS)).astype(object)
    ratings = ratings.where(ratings.notna(), None)
    kept = ratings["qc_rating"].isin(_RATED_GOOD)
    marked = {
        stage: each(ratings["qc_stages"], partial(_names, name=stage)).astype(bool)
        for stage in {MEASURES[name].stage for name in names}
    }
    notes, columns = [], {}
    for name in names:
        states = rows[f"{name}_qc"] if f"{name}_qc" in rows else pd.Series(None, rows.index)
        named = each(ratings["qc_measures"], partial(_names, name=name)).astype(bool)
        bad = (states.isin(rules.measure_qc) & ~kept) | marked[MEASURES[name].stage] | named
        if lost := int((bad & values[name].notna()).sum()):
            notes.append(f"{name} is missing for {lost} participants, whose checks failed")
        columns[name] = values[name].where(~bad)
    if METHOD in rows:
        columns = {METHOD: rows[METHOD]} | columns
        notes += _tell_methods(rows[METHOD])
    if SOFTWARE in rows:
        columns = {SOFTWARE: rows[SOFTWARE]} | columns
        notes += _tell_software(rows[SOFTWARE])
    if GIVEN in rows:
        columns = {GIVEN: rows[GIVEN]} | columns
        notes += _tell_given(rows[GIVEN])
    return pd.concat([pd.DataFrame(columns, index=rows.index), ratings], axis=1), notes


def _tell_software(software: pd.Series) -> Iterator[str]:
    """Warn where volumes of two programs, or of two versions, stand in one column."""
    counts = software.value_counts()
    if len(counts) > 1:
        named = ", ".join(f"{name} ({n})" for name, n in counts.items())
        yield (
            f"imported volumes were measured by {named}: versions differ as scanners do; measure "
            f"all by one, or take {SOFTWARE} as covariate"
        )


def _tell_given(given: pd.Series) -> Iterator[str]:
    """Warn where tissue volumes of two programs stand in one column."""
    counts = given.value_counts()
    if len(counts) > 1:
        named = ", ".join(f"{name} ({n})" for name, n in sorted(counts.items()))
        yield (
            f"brain volumes rest on {named}: programs differ by more than most diseases do; give "
            f"all people the same, or compare within one, by populations with {GIVEN}"
        )


def _tell_methods(methods: pd.Series) -> Iterator[str]:
    """Warn where volumes of two kinds stand in one column."""
    alone, with_t1w = (int((methods == one).sum()) for one in (ALONE, WITH_T1W))
    if alone and with_t1w:
        yield (
            f"{alone} participants were measured by FLAIR alone and {with_t1w} by T1w: their "
            "volumes of lesions and of the intracranial space are not made alike; compare within "
            f"one kind, by populations with {METHOD}, or take {METHOD} as covariate"
        )


def _names(text: object, *, name: str) -> bool:
    return isinstance(text, str) and name in re.split(r"\s*,\s*", text)


def find_exclusions(
    frame: pd.DataFrame, *, listed: pd.Series, measured: pd.DataFrame, study: Study
) -> pd.Series:
    """Give the first reason why each participant is left out; None for who enters.

    Parameters
    ----------
    listed
        The participants of participants.tsv.
    measured
        Participants and sessions with any measure.
    """
    ids, rules = frame["participant_id"], study.exclusions
    reasons = {NOT_LISTED: ~ids.isin(listed)}
    if wanted := prefix_session(study.baseline_session):
        reasons[f"no session {wanted}"] = frame[BASELINE].isna()
    with_sessions = measured.loc[measured["session_id"].notna(), "participant_id"]
    reasons[UNORDERED] = frame[BASELINE].isna() & ids.isin(with_sessions)
    reasons[NOT_MEASURED] = ~ids.isin(measured["participant_id"])
    reasons["excluded by a rater"] = frame["qc_rating"].isin(rules.ratings) | (
        frame["qc_exclude"] == "yes"
    )
    for name in rules.columns:
        if name in frame:
            told = each(frame[name], lambda value: (as_level(value) or "").lower() or None)
            # a text is the reason why someone is excluded, not a reason to keep them
            reasons[f"column {name}"] = told.notna() & ~told.isin(_NO)
    if rules.infarct_suspects == "exclude" and "wmh_infarct_suspects" in frame:
        reasons["suspected infarct"] = frame["wmh_infarct_suspects"] > 0
    chosen = pd.Series([None] * len(frame), index=frame.index, dtype=object)
    for reason, hit in reasons.items():
        chosen[hit & chosen.isna()] = reason
    return chosen
