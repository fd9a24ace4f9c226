"""Lesions one by one: what a reader keeps and rejects, and what is left of the volume."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import nibabel as nib
import numpy as np
import pandas as pd
from scipy import ndimage

from npsle_app.arrays import Floats, Ints, Mask, Volume
from npsle_app.bids.input.sidecars import read_metadata
from npsle_app.bids.output.names import WMH_READINGS, File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import write_tsv
from npsle_app.bids.tables import read_texts
from npsle_app.imaging.lesions.components import label_lesions
from npsle_app.imaging.space.volumes import voxel_mm3
from npsle_app.imaging.wmh.wmh import lesion_volumes_ml
from npsle_app.review.cases import Case

Decision = Literal["keep", "reject"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
CUTS = tuple(round(0.1 + 0.05 * step, 2) for step in range(9))  # 0.10 to 0.50
COLUMNS = (
    *("participant_id", "session_id", "rater", "i", "j", "k", "voxels", "volume_ml"),
    *("probability", "decision", "read_on"),
)
THRESHOLD_COLUMNS = (
    *("participant_id", "session_id", "rater", "threshold", "volume_ml", "read_on"),
)
FOLDER = Path("qc") / "readings"
_REMOVED = next(index for index, _, name, _ in WMH_READINGS if name == "removed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """One 26-connected component. `voxel` is its first in the order of the array: its name.

    `centre_mm` is the voxel of it that lies nearest to its centre of mass, so that a bent
    lesion is shown where it is. `probability` is its mean; None where there is no map.
    """

    number: int
    voxel: tuple[int, int, int]
    voxels: int
    volume_ml: float
    centre_mm: tuple[float, float, float]
    probability: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionMap:
    """The lesions of a session before a reading, on the grid of the T1w image.

    `labels` are their numbers from 1, (I, J, K). `given` tells that they are another's mask.
    """

    path: Path
    grid: nib.Nifti1Image
    labels: Ints
    lesions: tuple[Lesion, ...]
    given: bool

    def voxels_of(self, numbers: Iterable[int]) -> Mask:
        """Mark the voxels of lesions by their numbers."""
        marked: Mask = np.isin(self.labels, list(numbers))
        return marked

    def volume_ml(self, decisions: Mapping[int, Decision]) -> float:
        """Sum what is not rejected."""
        return sum(
            lesion.volume_ml for lesion in self.lesions if decisions.get(lesion.number) != "reject"
        )


def read_lesions(case: Case) -> LesionMap | None:
    """Read the lesions of a session; None where there is no map of them on a T1w image.

    What an earlier reading removed stands among them, so that a decision can be taken back.
    """
    path = case.find(File.WMH_MASK)
    if path is None:
        return None
    grid = read_image(path)
    given = str(read_metadata(path).get("LesionsAre", "")).startswith("given")
    labels = label_lesions((np.asarray(grid.dataobj) > 0) | _removed(case, grid, given=given))
    probability = _probability(case, grid)
    return LesionMap(
        path=path,
        grid=grid,
        labels=labels,
        lesions=describe_lesions(
            labels, affine=grid.affine, mm3=voxel_mm3(grid), probability=probability
        ),
        given=given,
    )


def _removed(case: Case, grid: nib.Nifti1Image, *, given: bool) -> Mask:
    """Mark what was found and a reading removed; what the model alone found does not count."""
    path = None if given else case.find(File.WMH_READING)
    nothing: Mask = np.zeros(grid.shape, dtype=bool)
    if path is None:
        return nothing
    labels = np.asarray(read_image(path).dataobj)
    return labels == _REMOVED if labels.shape == grid.shape else nothing


def _probability(case: Case, grid: nib.Nifti1Image) -> Volume | None:
    path = case.find(File.WMH_PROBABILITY)
    if path is None:
        return None
    values: Volume = read_image(path).get_fdata(dtype=np.float32)
    return values if values.shape == grid.shape else None


def describe_lesions(
    labels: Ints, *, affine: Floats, mm3: float, probability: Volume | None
) -> tuple[Lesion, ...]:
    """Describe each component, the least certain first; without probabilities the smallest.

    Parameters
    ----------
    labels : (I, J, K) array of int
        Components from 1, 0 outside.
    affine : (4, 4) array
        From voxels to mm, RAS.
    mm3 : float
        Volume of a voxel.
    """
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        corner = np.array([part.start for part in box])
        inside = labels[box] == number
        voxels = np.argwhere(inside) + corner
        middle = voxels[np.argmin(((voxels - voxels.mean(axis=0)) ** 2).sum(axis=1))]
        centre = affine[:3, :3] @ middle + affine[:3, 3]
        first = voxels[0]
        found.append(
            Lesion(
                number=number,
                voxel=(int(first[0]), int(first[1]), int(first[2])),
                voxels=len(voxels),
                volume_ml=len(voxels) * mm3 / 1000,
                centre_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
                probability=None if probability is None else float(probability[box][inside].mean()),
            )
        )
    return tuple(sorted(found, key=lambda one: (one.probability or 0.0, one.voxels, one.number)))


def measure_cuts(case: Case) -> dict[float, float]:
    """Measure the volume at each threshold from 0.1 to 0.5, in mL; nothing without a map."""
    path = case.find(File.WMH_PROBABILITY)
    if path is None:
        return {}
    image = read_image(path)
    mask = case.find(File.WMH_MASK)
    told = read_metadata(mask).get("MinimumLesionVolume") if mask else None
    return lesion_volumes_ml(
        image.get_fdata(dtype=np.float32),
        voxel_mm3=voxel_mm3(image),
        min_lesion_mm3=float(told) if isinstance(told, int | float) else 0.0,
        thresholds=CUTS,
    )


def decisions_path(case: Case, reader: str) -> Path:
    """Return where a reader's decisions on the lesions of a session stand."""
    return case.root / FOLDER / f"{case.id}_reader-{reader}_lesions.tsv"


def write_decisions(
    case: Case,
    reader: str,
    lesions: Iterable[Lesion],
    decisions: Mapping[int, Decision],
    *,
    dates: Mapping[int, str],
) -> Path:
    """Write a reader's decisions on all lesions of a session, in one step.

    `dates` are those of the decisions, by the number of the lesion.
    """
    path = decisions_path(case, reader)
    if not decisions:
        path.unlink(missing_ok=True)
        return path
    rows = [
        (
            f"sub-{case.participant}",
            f"ses-{case.session}" if case.session else None,
            reader,
            *lesion.voxel,
            lesion.voxels,
            f"{lesion.volume_ml:.6g}",
            None if lesion.probability is None else f"{lesion.probability:.3f}",
            decisions.get(lesion.number),
            dates.get(lesion.number),
        )
        for lesion in sorted(lesions, key=lambda one: one.number)
    ]
    write_tsv(path, pd.DataFrame(rows, columns=list(COLUMNS)))
    return path


def read_decisions(
    path: Path, lesions: Iterable[Lesion]
) -> tuple[dict[int, Decision], dict[int, str], int]:
    """Read decisions back, and the date of each, by the number of the lesion.

    Returns
    -------
    decisions, dates : dict
    lost : int
        How many decisions fit no lesion of today: their lesion has another size or place, as
        after a run with another threshold.
    """
    if not path.is_file():
        return {}, {}, 0
    today = {(*lesion.voxel, lesion.voxels): lesion.number for lesion in lesions}
    table = read_texts(path).reindex(columns=list(COLUMNS)).fillna("")
    decisions: dict[int, Decision] = {}
    dates: dict[int, str] = {}
    lost = 0
    for row in table.to_dict("records"):
        told = next((one for one in DECISIONS if one == row["decision"]), None)
        if told is None:
            continue
        name = _name([str(row[one]) for one in ("i", "j", "k", "voxels")])
        number = today.get(name) if name else None
        if number is None:
            lost += 1
        else:
            decisions[number], dates[number] = told, str(row["read_on"])
    return decisions, dates, lost


def _name(cells: list[str]) -> tuple[int, int, int, int] | None:
    if not all(cell.isdecimal() for cell in cells):
        return None
    i, j, k, voxels = map(int, cells)
    return i, j, k, voxels


def threshold_path(case: Case, reader: str) -> Path:
    """Return where the threshold stands that a reader chose for a session."""
    return case.root / FOLDER / f"{case.id}_reader-{reader}_threshold.tsv"


def write_threshold(
    case: Case, reader: str, threshold: float | None, *, volume_ml: float, on: str
) -> Path:
    """Write the threshold that a reader finds right for a session; None takes it back."""
    path = threshold_path(case, reader)
    if threshold is None:
        path.unlink(missing_ok=True)
        return path
    session = f"ses-{case.session}" if case.session else None
    row = (f"sub-{case.participant}", session, reader, f"{threshold:g}", f"{volume_ml:.6g}", on)
    write_tsv(path, pd.DataFrame([row], columns=list(THRESHOLD_COLUMNS)))
    return path


def read_threshold(case: Case, reader: str) -> float | None:
    """Return the threshold that a reader chose; None where they chose none."""
    path = threshold_path(case, reader)
    if not path.is_file():
        return None
    cells = read_texts(path).reindex(columns=["threshold"])["threshold"].dropna()
    known = {f"{cut:g}": cut for cut in CUTS}
    return known.get(str(cells.iloc[0])) if len(cells) else None
