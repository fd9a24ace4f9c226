"""Draw one person among centile curves, and the brain coloured by its scores."""

from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.cohort.deviations.person import Scan, choose_regions, draw_from, scores_by_label
from npsle_app.cohort.normative.model import NormativeModel
from npsle_app.figures.paper.deviations import (
    CentilePanel,
    Visit,
    draw_centile_panels,
    draw_score_map,
)
from npsle_app.measures import MEASURES
from npsle_app.records import FigureRecord
from npsle_app.stages.group.deviations_person import Person, of_session

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def draw(
    writer: Writer, person: Person, row: "Series", *, own: "DataFrame", model: NormativeModel
) -> tuple[FigureRecord, ...]:
    """Draw what a session's scores allow: curves need age, sex and TIV, the map the images."""
    figures = []
    scan = _scan(row)
    if scan is not None and (panels := _panels(person, own, model=model, scan=scan)):
        figure = draw_centile_panels(panels, text=_tell(scan, person), unit=model.unit)
        figures.append(
            FigureRecord(
                title="Volumes among centile curves",
                path=writer.figure(figure, "deviations-centiles"),
                caption="Deep regions, lateral ventricles, and other regions that deviate. "
                "The curves hold for this sex, head size and site, and end where the ages of the "
                "reference end.",
            )
        )
    if own["z"].notna().any() and (images := _images(writer)) is not None:
        t1w, labels = images
        figure = draw_score_map(t1w, labels=labels, scores=scores_by_label(own))
        figures.append(
            FigureRecord(
                title="Where volumes depart from what was expected",
                path=writer.figure(figure, "deviations-map"),
                caption="Each region of the atlas in the colour of its z. A score is one number "
                "for the whole region: colours do not show where inside it tissue is missing.",
            )
        )
    return tuple(figures)


def _panels(
    person: Person, own: "DataFrame", *, model: NormativeModel, scan: Scan
) -> list[CentilePanel]:
    panels = []
    for region in choose_regions(own):
        if (curves := draw_from(model, region=region, scan=scan)) is None:
            continue
        name = MEASURES[region].description.removeprefix("Volume of the ").split(",")[0]
        z = float(own.loc[own["region"] == region, "z"].iloc[0])
        panels.append(
            CentilePanel(
                title=f"{name}: z {z:+.1f}".replace("-", "−"),
                ages_years=curves[0],
                curves=curves[1],
                visits=_visits(person, region),
                shown=scan.age_years,
            )
        )
    return panels


def _visits(person: Person, region: str) -> list[Visit]:
    rows = person.scores[person.scores["region"] == region]
    found = []
    for _, scan in person.scans.iterrows():
        row = of_session(rows, scan["session_id"])
        if len(row) and np.isfinite(float(row["z"].iloc[0])) and np.isfinite(scan["age"]):
            found.append(
                Visit(
                    age_years=float(scan["age"]),
                    volume=float(row["volume"].iloc[0]),
                    critical=bool(row["critical"].eq(True).iloc[0]),
                )
            )
    return found


def _scan(row: "Series") -> Scan | None:
    age, tiv = float(row["age"]), float(row["tiv_ml"])
    if not (np.isfinite(age) and np.isfinite(tiv) and isinstance(row["sex"], str)):
        return None
    site = row.get("site")
    return Scan(
        age_years=age, sex=row["sex"], tiv_ml=tiv, site=site if isinstance(site, str) else ""
    )


def _tell(scan: Scan, person: Person) -> str:
    where = f", site {scan.site}" if scan.site else ""
    labels = "; ".join(map(str, person.reference["labels"]))
    text = f"curves for sex {scan.sex}, TIV {scan.tiv_ml:.0f} mL{where}"
    return f"{text} – {labels}" if labels else text


def _images(writer: Writer) -> tuple[nib.Nifti1Image, nib.Nifti1Image] | None:
    """Return the T1w image and its regions where both are there, else None."""
    tail = File.BRAIN_REGIONS.value.tail
    for labels in sorted((writer.folder / "anat").glob(f"{writer.id}_*{tail}")):
        # of the same scan: another T1w image may lie there in the space of the template
        t1w = labels.with_name(labels.name.removesuffix(tail) + File.T1W.value.tail)
        if t1w.is_file():
            return nib.Nifti1Image.from_filename(t1w), nib.Nifti1Image.from_filename(labels)
    return None
