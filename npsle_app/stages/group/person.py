"""The files of one participant: table, centile curves, brain map, record."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from pandas import DataFrame, Series

from npsle_app.bids.output.names import MEASURES_DIGEST, File
from npsle_app.bids.output.reader import measures_digest
from npsle_app.bids.output.writer import Writer
from npsle_app.cohort.deviations.person import (
    Scan,
    check_scores,
    choose_regions,
    draw_from,
    read_scan,
    scores_by_label,
)
from npsle_app.cohort.normative.model import NormativeModel
from npsle_app.cohort.normative.model_json import from_plain
from npsle_app.documents import read_json
from npsle_app.figures.paper.centiles import CentilePanel, Visit, draw_centile_panels
from npsle_app.figures.paper.deviations import draw_score_map
from npsle_app.group_tables import group_tables
from npsle_app.measures import MEASURES
from npsle_app.records import FigureRecord, Record

_STALE = ("*_deviations.tsv", "*_deviations.json", "log/*_stage-deviations.json",
          "figures/*_deviations-*.webp", "figures/*_deviations-*.svg")  # fmt: skip
FINGERPRINT = "Fingerprint"
_COUNTED = ("n_deviations", "n_assessed", "n_expected", "expected_low", "expected_high")
_METHODS = (
    "Regional volumes were compared with what a normative model expects of age, sex, total "
    "intracranial volume and site; z is the normal score of the volume. {cut}{labels}"
)
_CUTS = {
    "lower": "Critical is z below −1.96 (2.5 % of healthy people in each region).",
    "both": "Critical is z beyond ±1.96 (5 % of healthy people in each region).",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """All that one participant's files are made from; `scans` has a row per session.

    `reference_digest` stands for `reference`, which all participants share.
    """

    participant: str
    scores: DataFrame
    scans: DataFrame
    reference: Mapping[str, Any]
    reference_digest: str

    @property
    def sessions(self) -> list[str | None]:
        """Session labels without `ses-`, None where there are none."""
        return [
            str(one).removeprefix("ses-") if isinstance(one, str) else None
            for one in self.scans["session_id"]
        ]


def is_current(output_dir: Path, person: Person) -> bool:
    """Say whether an earlier run wrote a participant's files from the same content."""
    digest = fingerprint(person)
    return all(_proves(writer, digest) for writer in writers_of(output_dir, person))


def describe(output_dir: Path, people: Sequence[Person]) -> None:
    """Write the files of participants with one reference, in place of what an earlier run left."""
    model = from_plain(people[0].reference["model"])
    for person in people:
        _describe_person(output_dir, person, model=model)


def _describe_person(output_dir: Path, person: Person, *, model: NormativeModel) -> None:
    forget(output_dir, person.participant)
    digest = fingerprint(person)
    writers = writers_of(output_dir, person)
    for writer, (_, scan) in zip(writers, person.scans.iterrows(), strict=True):
        _describe_session(writer, person, scan, model=model, digest=digest)


def _proves(writer: Writer, digest: str) -> bool:
    sidecar = writer.path(File.DEVIATIONS).with_suffix(".json")
    try:
        content = read_json(sidecar)
    except (OSError, ValueError):
        return False
    proof = {FINGERPRINT: digest, MEASURES_DIGEST: measures_digest(writer)}
    return all(content.get(key) == value for key, value in proof.items())


def forget(output_dir: Path, participant: str) -> None:
    """Take away what an earlier run said of a participant's deviations."""
    folder = output_dir / f"sub-{participant}"
    for pattern in _STALE:
        for path in (*folder.glob(pattern), *folder.glob(f"ses-*/{pattern}")):
            path.unlink()


def fingerprint(person: Person) -> str:
    """Return a digest of all that a participant's files are made from."""
    tables = (person.scores.to_csv(sep="\t"), person.scans.to_csv(sep="\t"))
    parts = (*tables, person.reference_digest)
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()


def writers_of(output_dir: Path, person: Person) -> list[Writer]:
    """Return the doors for the files of each session."""
    return [Writer(output_dir, person.participant, session) for session in person.sessions]


def of_session(rows: DataFrame, session: Any) -> DataFrame:
    """Return the rows of one session; those without any where it is missing."""
    mine = rows["session_id"] == session if isinstance(session, str) else rows["session_id"].isna()
    return rows[mine]


def _describe_session(
    writer: Writer, person: Person, row: Series, *, model: NormativeModel, digest: str
) -> None:
    own = of_session(person.scores, row["session_id"])
    labels = [str(label) for label in person.reference["labels"]]
    told = "".join(f" {label}." for label in labels)
    writer.record(
        Record(
            stage="deviations",
            methods=_METHODS.format(cut=_CUTS[person.reference["tail"]], labels=told),
            citations=("ge2024", "inglese2021"),
            checks=check_scores(own),
            figures=tuple(_draw(writer, person, row, own=own, model=model)),
            choices=tuple(labels),
        )
    )
    # last, for it proves that all is there
    proof = {FINGERPRINT: digest, MEASURES_DIGEST: measures_digest(writer), "Count": _count(row)}
    columns = [column.name for column in group_tables()["deviations"].columns]
    dictionary = group_tables()["deviations"].explain(columns)
    writer.table(own[columns], File.DEVIATIONS, dictionary=dictionary | proof)


def _count(row: Series) -> dict[str, float | None]:
    """Return how many regions deviate and how many chance gives; None for what is not known."""
    return {name: None if row[name] != row[name] else float(row[name]) for name in _COUNTED}


def _draw(
    writer: Writer, person: Person, row: Series, *, own: DataFrame, model: NormativeModel
) -> Iterator[FigureRecord]:
    """Draw what a session's scores allow: curves need age, sex and TIV, the map the images."""
    scan = read_scan(row)
    if scan is not None and (panels := _list_panels(person, own, model=model, scan=scan)):
        drawing = draw_centile_panels(panels, text=_tell_curves(scan, person), unit=model.unit)
        yield FigureRecord(
            title="Volumes among centile curves",
            path=writer.drawing(drawing, "deviations-centiles"),
            caption="Deep regions, lateral ventricles, and other regions that deviate. "
            "The curves hold for this sex, head size and site, and end where the ages of the "
            "reference end.",
        )
    if own["z"].notna().any() and (images := _read_images(writer)) is not None:
        t1w, labels = images
        figure = draw_score_map(t1w, labels=labels, scores=scores_by_label(own))
        yield FigureRecord(
            title="Where volumes depart from what was expected",
            path=writer.figure(figure, "deviations-map"),
            caption="Each region of the atlas in the colour of its z. A score is one number "
            "for the whole region: colours do not show where inside it tissue is missing.",
        )


def _list_panels(
    person: Person, own: DataFrame, *, model: NormativeModel, scan: Scan
) -> list[CentilePanel]:
    panels, visits = [], _list_visits(person)
    z_of = dict(zip(own["region"], own["z"].astype(float), strict=True))
    for region in choose_regions(own):
        if (curves := draw_from(model, region=region, scan=scan)) is None:
            continue
        name = MEASURES[region].description.removeprefix("Volume of the ").split(",")[0]
        z = z_of[region]
        panels.append(
            CentilePanel(
                title=f"{name}: z {z:+.1f}".replace("-", "−"),
                ages_years=curves[0],
                curves=curves[1],
                visits=visits.get(region, []),
                shown=scan.age_years,
            )
        )
    return panels


def _list_visits(person: Person) -> dict[str, list[Visit]]:
    """List the scans with a score by region, in one pass: there are a hundred regions."""
    ages = {
        _key(session): float(age)
        for session, age in zip(person.scans["session_id"], person.scans["age"], strict=True)
    }
    columns = ("region", "session_id", "z", "volume", "critical")
    visits: dict[str, list[Visit]] = {}
    for region, session, z, volume, critical in zip(
        *(person.scores[name] for name in columns), strict=True
    ):
        age = ages.get(_key(session), np.nan)
        if np.isfinite(float(z)) and np.isfinite(age):
            # 1.0 where others are missing
            visit = Visit(age_years=age, volume=float(volume), critical=bool(critical == 1))
            visits.setdefault(str(region), []).append(visit)
    return visits


def _key(session: object) -> str:
    """Name a session; those without one are alike, though missing values differ."""
    return session if isinstance(session, str) else ""


def _tell_curves(scan: Scan, person: Person) -> str:
    where = f", site {scan.site}" if scan.site else ""
    labels = "; ".join(map(str, person.reference["labels"]))
    text = f"curves for sex {scan.sex}, TIV {scan.tiv_ml:.0f} mL{where}"
    return f"{text} – {labels}" if labels else text


def _read_images(writer: Writer) -> tuple[nib.Nifti1Image, nib.Nifti1Image] | None:
    """Return the T1w image and its regions where both are there, else None."""
    tail = File.BRAIN_REGIONS.value.tail
    for labels in sorted((writer.folder / "anat").glob(f"{writer.id}_*{tail}")):
        # of the same scan: another T1w image may lie there in the space of the template
        t1w = labels.with_name(labels.name.removesuffix(tail) + File.T1W.value.tail)
        if t1w.is_file():
            return nib.Nifti1Image.from_filename(t1w), nib.Nifti1Image.from_filename(labels)
    return None
