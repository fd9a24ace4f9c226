"""One synthetic person: images, and the truth about them."""

from dataclasses import dataclass, field
from typing import Literal

import nibabel as nib
import numpy as np
from scipy.stats import norm

from npsle_app.phantom.acquisition import draw_acquisition, nifti, resample, scan
from npsle_app.phantom.anatomy import Anatomy, draw_shape, make_anatomy
from npsle_app.phantom.contrast import Contrast, draw_contrast, flair_signal, t1w_signal
from npsle_app.phantom.fields import Floats
from npsle_app.phantom.grids import Grid, turned, whole_head
from npsle_app.phantom.lesions import draw_lesions

Stream = Literal["person", "shape", "lesions", "contrast", "t1w", "flair"]
_STREAMS: tuple[Stream, ...] = ("person", "shape", "lesions", "contrast", "t1w", "flair")

MAX_LESION_ML = 15.0
_MEDIAN_LESION_ML, _LOG_SPREAD = 1.7, 1.1
_FIRST_QUANTILE, _NEXT_QUANTILE = 0.77, np.sqrt(2) - 1


@dataclass(frozen=True, slots=True)
class Truth:
    """Volumes (mL) of one head, in the words of the app's measures.

    Tissue volumes are sums of fractions; lesions count as white matter. `wmh_ml` counts
    voxels with a lesion fraction ≥ 0.5, `wmh_soft_ml` sums the fractions.
    """

    tiv_ml: float
    tbv_ml: float
    gm_ml: float
    wm_ml: float
    csf_ml: float
    wmh_ml: float
    wmh_soft_ml: float
    wm_without_wmh_ml: float
    flair_type: Literal["2D", "3D"]


@dataclass(frozen=True, slots=True)
class PhantomParticipant:
    """Scans of one synthetic person; `maps` holds the true fractions in the space of the T1w."""

    label: str
    age: int
    sex: Literal["F", "M"]
    group: Literal["HC", "SLE", "NPSLE"]
    truth: Truth
    t1w: nib.Nifti1Image = field(repr=False)
    flair: nib.Nifti1Image = field(repr=False)
    maps: dict[str, nib.Nifti1Image] = field(repr=False)


def make_participant(
    index: int,
    *,
    seed: int,
    voxel_mm: float = 1.0,
    lesion_ml: float | None = None,
    flair_slice_mm: float | None = None,
) -> PhantomParticipant:
    """Make one person from nothing but a number and a seed.

    Head, scanner noise and coil do not depend on the lesions: the same person with
    `lesion_ml=0` has the same T1w image but for the lesions.

    Parameters
    ----------
    index
        1 for the first participant.
    voxel_mm
        Edge of the T1w voxels; also the least edge of the FLAIR voxels.
    lesion_ml
        Lesion volume; drawn from a distribution as in lupus if not given.
    flair_slice_mm
        Slice thickness of the FLAIR; 2D if more than 1.5 mm. By default every second
        participant has a 2D FLAIR of 3 mm.
    """
    if index < 1 or seed < 0 or not voxel_mm > 0:
        msg = f"expected index ≥ 1, seed ≥ 0, voxel_mm > 0: {index}, {seed}, {voxel_mm}"
        raise ValueError(msg)
    person = _stream(seed, index, "person")
    age = int(np.clip(round(person.normal(44, 13)), 18, 78))
    sex: Literal["F", "M"] = "F" if person.uniform() < 0.8 else "M"
    volume_ml = lesion_load_ml(index) * person.uniform(0.95, 1.05)
    group = _group(index)
    slice_mm = flair_slice_mm or (3.0 if index % 2 == 0 else 1.0)

    shape = draw_shape(_stream(seed, index, "shape"), age=age, sex=sex)
    grid = whole_head(voxel_mm=(voxel_mm, voxel_mm, voxel_mm), turn=np.eye(3))
    anatomy = make_anatomy(shape, grid=grid, voxel_mm=voxel_mm)
    lesions = draw_lesions(
        anatomy,
        volume_ml=volume_ml if lesion_ml is None else lesion_ml,
        rng=_stream(seed, index, "lesions"),
    )
    contrast = draw_contrast(_stream(seed, index, "contrast"))
    rngs = {name: _stream(seed, index, name) for name in ("t1w", "flair")}
    flair_grid = _flair_grid(slice_mm=slice_mm, voxel_mm=voxel_mm, pitch=shape.pitch)
    return PhantomParticipant(
        label=f"{index:02d}",
        age=age,
        sex=sex,
        group=group,
        truth=_truth(anatomy, lesions=lesions, flair_type="2D" if slice_mm > 1.5 else "3D"),
        t1w=_t1w(anatomy, lesions=lesions, contrast=contrast, rng=rngs["t1w"]),
        flair=_flair(
            anatomy, lesions=lesions, contrast=contrast, rng=rngs["flair"], grid=flair_grid
        ),
        maps=_maps(anatomy, lesions=lesions),
    )


def lesion_load_ml(index: int) -> float:
    """Return the expected lesion volume of a participant.

    Log-normal, median 1.7 mL, at most 15 mL; consecutive participants are spread evenly
    over the distribution, so that small studies hold small and large loads.
    """
    quantile = _quantile(index)
    load = _MEDIAN_LESION_ML * np.exp(_LOG_SPREAD * norm.ppf(quantile))
    return float(min(load, MAX_LESION_ML))


def _quantile(index: int) -> float:
    return float((_FIRST_QUANTILE + _NEXT_QUANTILE * (index - 1)) % 1)


def _group(index: int) -> Literal["HC", "SLE", "NPSLE"]:
    quantile = _quantile(index)
    if quantile < 0.35:
        return "HC"
    return "SLE" if quantile < 0.7 else "NPSLE"


def _stream(seed: int, index: int, name: Stream) -> np.random.Generator:
    """One generator per purpose, so that no draw shifts another."""
    return np.random.default_rng([seed, index, _STREAMS.index(name)])


def _flair_grid(*, slice_mm: float, voxel_mm: float, pitch: float) -> Grid:
    """2D slices follow the head's pitch, as a technician would plan them."""
    if slice_mm <= 1.5:
        edge = max(slice_mm, voxel_mm)
        return whole_head(voxel_mm=(edge, edge, edge), turn=np.eye(3))
    in_plane = max(0.9, voxel_mm)
    turn = turned(pitch=0.8 * pitch, roll=0, yaw=0)
    return whole_head(voxel_mm=(in_plane, in_plane, max(slice_mm, voxel_mm)), turn=turn)


def _t1w(
    anatomy: Anatomy, *, lesions: Floats, contrast: Contrast, rng: np.random.Generator
) -> nib.Nifti1Image:
    signal = t1w_signal(anatomy, lesions=lesions, contrast=contrast)
    return scan(signal, grid=anatomy.grid, acquisition=draw_acquisition(rng, moved=False))


def _flair(
    anatomy: Anatomy,
    *,
    lesions: Floats,
    contrast: Contrast,
    rng: np.random.Generator,
    grid: Grid,
) -> nib.Nifti1Image:
    acquisition = draw_acquisition(rng, moved=True)
    signal = flair_signal(anatomy, lesions=lesions, contrast=contrast)
    seen = resample(signal, source=anatomy.grid, target=grid, motion=acquisition.motion)
    return scan(seen, grid=grid, acquisition=acquisition)


def _truth(anatomy: Anatomy, *, lesions: Floats, flair_type: Literal["2D", "3D"]) -> Truth:
    ml = anatomy.grid.voxel_ml
    gm, wm, csf = (
        float(tissue.sum(dtype=np.float64)) * ml for tissue in (anatomy.gm, anatomy.wm, anatomy.csf)
    )
    inside = lesions >= 0.5
    return Truth(
        tiv_ml=gm + wm + csf,
        tbv_ml=gm + wm,
        gm_ml=gm,
        wm_ml=wm,
        csf_ml=csf,
        wmh_ml=float(np.count_nonzero(inside)) * ml,
        wmh_soft_ml=float(lesions.sum(dtype=np.float64)) * ml,
        wm_without_wmh_ml=wm - float(anatomy.wm[inside].sum(dtype=np.float64)) * ml,
        flair_type=flair_type,
    )


def _maps(anatomy: Anatomy, *, lesions: Floats) -> dict[str, nib.Nifti1Image]:
    return {
        name: nifti(fraction, grid=anatomy.grid)
        for name, fraction in (
            ("lesions", lesions),
            ("gm", anatomy.gm),
            ("wm", anatomy.wm),
            ("csf", anatomy.csf),
            ("intracranial", anatomy.intracranial),
        )
    }
