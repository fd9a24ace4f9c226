"""What a reader must know before any number of normative modelling."""

from npsle_app.cohort.deviation_study import Deviations
from npsle_app.cohort.normative_model import LEAST_FOR_LABEL

_MOST_NAMED = 12
_CAREFUL = (
    ("age is missing", "no age, hence no score"),
    ("sex is missing", "no sex, hence no score"),
    ("TIV is", "no usable total intracranial volume (checks failed, missing or 0), hence no score"),
    ("the volume is missing", "a region's volume is missing or its checks failed"),
    ("the reference has no one of sex", "of a sex that the reference lacks, hence no score"),
    ("outside the reference's ages", "outside the ages of the reference: z is extrapolated"),
    ("is not in the reference, and sites differ", "of a site that the reference does not know"),
    ("it is the same, z is too near 0", "of the same id and sex as someone in the reference"),
)


def list_warnings(found: Deviations, *, notes: tuple[str, ...]) -> list[str]:
    """List what a reader must know before any number: of reference, scans and sites."""
    reference = found.reference
    told = list(reference.labels)
    if not reference.model.sexes:
        told.append("the reference has no one")
    told += [
        f"{_count(sex.n)} of sex {name} made the reference: below {LEAST_FOR_LABEL} nothing is "
        "called critical, and no deviation of that sex is counted"
        for name, sex in reference.model.sexes.items()
        if sex.n < LEAST_FOR_LABEL
    ]
    told += _tell_outliers(found)
    told += [
        f"{name.replace(chr(9), ' ').strip()} is not in the reference: {why}"
        for name, why in list(_left_out(found).items())[:_MOST_NAMED]
    ]
    told += _tell_gaps(found)
    return [*told, *notes]


def _tell_outliers(found: Deviations) -> list[str]:
    outliers = found.reference.outliers
    named = list(dict.fromkeys(str(name).split("\t")[0] for name in outliers["participant_id"]))
    if not named:
        return []
    shown = ", ".join(named[:_MOST_NAMED]) + (" …" if len(named) > _MOST_NAMED else "")
    told = f"{len(named)} scans of the reference cannot be right and were left out of its fit"
    return [f"{told}; look at them: {shown}"]


def _left_out(found: Deviations) -> dict[str, str]:
    outliers = set(found.reference.outliers["participant_id"].astype(str))
    left = found.reference.model.left_out
    return {name: why for name, why in left.items() if name not in outliers}


def _tell_gaps(found: Deviations) -> list[str]:
    """Count people by the reason why they have no score, or one to be careful with."""
    told = []
    reasons = found.scores.dropna(subset="reason")
    for phrase, what in _CAREFUL:
        own = reasons[reasons["reason"].str.contains(phrase, regex=False)]
        if people := own["participant_id"].nunique():
            told.append(f"{_count(people)}: {what}")
    return told


def _count(people: int) -> str:
    return "1 person" if people == 1 else f"{people} people"
