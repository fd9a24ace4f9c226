"""One synthetic person: images, and the truth about them."""

from dataclasses import dataclass, field
from typing import Literal

import nibabel as nib
import numpy as np
from scipy.stats import norm

from npsle_app.arrays import Floats, Volume
from npsle_app.phantom.arteries.head_arteries import HeadArteries, draw_arteries
from npsle_app.phantom.arteries.vessel_scan import VESSEL_KINDS, PhantomVessels, scan_session
from npsle_app.phantom.head.acquisition import draw_acquisition, nifti, resample, scan, turn
from npsle_app.phantom.head.anatomy import Anatomy, draw_shape, make_anatomy
from npsle_app.phantom.head.contrast import Contrast, draw_contrast, flair_signal, t1w_signal
from npsle_app.phantom.head.diffusion import PhantomDwi, acquire
from npsle_app.phantom.head.fibres import draw_fibres
from npsle_app.phantom.head.grids import Grid, turned, whole_head
from npsle_app.phantom.head.lesions import add_lesions, draw_lesions
from npsle_app.phantom.head.truth import Truth, find_truth, region_truth

Stream = Literal[
    "person", "shape", "lesions", "contrast", "t1w", "flair", "pose", "growth", "fibres", "dwi",
    "arteries", "vwi", "post", "angio",
]  # fmt: skip
# New streams go to the end, so that no study changes.
_STREAMS: tuple[Stream, ...] = (
    "person", "shape", "lesions", "contrast", "t1w", "flair", "pose", "growth", "fibres",
    "dwi", "arteries", "vwi", "post", "angio",
)  # fmt: skip

MAX_LESION_ML = 15.0
_MEDIAN_LESION_ML, _LOG_SPREAD = 1.7, 1.1
_FIRST_QUANTILE, _NEXT_QUANTILE = 0.77, np.sqrt(2) - 1
_POSE_DEG, _POSE_MM = 6.0, 8.0


@dataclass(frozen=True, slots=True)
class PhantomParticipant:
    """Scans of one synthetic person; `maps` holds the true fractions in the space of the T1w.

    `dwi` and `vessels` are None unless they were asked for; every third person and all later
    sessions have no vessel-wall image.
    """

    label: str
    age: int
    sex: Literal["F", "M"]
    group: Literal["HC", "SLE", "NPSLE"]
    truth: Truth
    regions_ml: dict[str, float]
    t1w: nib.Nifti1Image = field(repr=False)
    flair: nib.Nifti1Image = field(repr=False)
    maps: dict[str, nib.Nifti1Image] = field(repr=False)
    arteries: HeadArteries = field(repr=False)
    dwi: PhantomDwi | None = field(repr=False, default=None)
    vessels: PhantomVessels | None = field(repr=False, default=None)


def make_participant(
    index: int,
    *,
    seed: int,
    voxel_mm: float = 1.0,
    lesion_ml: float | None = None,
    flair_slice_mm: float | None = None,
    session: int = 1,
    diffusion: bool = False,
    vessel_wall: bool = False,
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
    session
        1 for the first scan of the person. At a later one the head lies otherwise, noise and
        coil are drawn anew, and lesions have grown unless `lesion_ml` says how large they are.
    diffusion
        Whether to make diffusion images too, which takes as long as all the rest.
    vessel_wall
        Whether to make vessel-wall images too.
    """
    if index < 1 or seed < 0 or not voxel_mm > 0:
        msg = f"expected index ≥ 1, seed ≥ 0, voxel_mm > 0: {index}, {seed}, {voxel_mm}"
        raise ValueError(msg)
    if session < 1:
        msg = f"expected session ≥ 1: {session}"
        raise ValueError(msg)
    person = _stream(seed, index, "person")
    age = int(np.clip(round(person.normal(44, 13)), 18, 78))
    sex: Literal["F", "M"] = "F" if person.uniform() < 0.8 else "M"
    group = _group(index)
    volume_ml = lesion_load_ml(index) * person.uniform(0.95, 1.05)
    slice_mm = flair_slice_mm or (3.0 if index % 2 == 0 else 1.0)

    shape = draw_shape(_stream(seed, index, "shape"), age=age, sex=sex)
    grid = whole_head(voxel_mm=(voxel_mm, voxel_mm, voxel_mm), turn=np.eye(3))
    anatomy = make_anatomy(shape, grid=grid, voxel_mm=voxel_mm)
    lesions, before = _lesions(
        anatomy,
        first_ml=volume_ml if lesion_ml is None else lesion_ml,
        visits=range(2, session + 1) if lesion_ml is None else range(0),
        seed=seed,
        index=index,
    )
    contrast = draw_contrast(_stream(seed, index, "contrast"))
    fibres = draw_fibres(_stream(seed, index, "fibres"), group=group)
    arteries = draw_arteries(_stream(seed, index, "arteries"), shape=shape, group=group)
    pose = _pose(seed, index, session)
    flair_grid = _flair_grid(slice_mm=slice_mm, voxel_mm=voxel_mm, pitch=shape.pitch)
    return PhantomParticipant(
        label=f"{index:02d}",
        age=age,
        sex=sex,
        group=group,
        truth=find_truth(
            anatomy,
            lesions=lesions,
            before=before if session > 1 else None,
            fibres=fibres,
            flair_type="2D" if slice_mm > 1.5 else "3D",
        ),
        regions_ml=region_truth(anatomy),
        t1w=_t1w(
            anatomy,
            lesions=lesions,
            contrast=contrast,
            rng=_stream(seed, index, "t1w", session),
            pose=pose,
        ),
        flair=_flair(
            anatomy,
            lesions=lesions,
            contrast=contrast,
            rng=_stream(seed, index, "flair", session),
            grid=flair_grid,
            pose=pose,
        ),
        maps=_maps(anatomy, lesions=lesions, pose=pose),
        arteries=arteries,
        vessels=scan_session(
            anatomy,
            arteries=arteries,
            index=index,
            streams={name: _stream(seed, index, name) for name in VESSEL_KINDS},
            voxel_mm=voxel_mm,
        )
        if vessel_wall and session == 1
        else None,
        dwi=acquire(
            anatomy,
            shape=shape,
            lesions=lesions,
            fibres=fibres,
            rng=_stream(seed, index, "dwi", session),
            pose=pose,
            oblique=index % 2 == 0,
            voxel_mm=voxel_mm,
        )
        if diffusion
        else None,
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


def _stream(seed: int, index: int, name: Stream, session: int = 1) -> np.random.Generator:
    """One generator per purpose, so that no draw shifts another."""
    visit = [] if session == 1 else [session]
    return np.random.default_rng([seed, index, _STREAMS.index(name), *visit])


def _lesions(
    anatomy: Anatomy, *, first_ml: float, visits: range, seed: int, index: int
) -> tuple[Volume, Volume]:
    """Draw the lesions of the last of `visits`, and those of the session before it.

    From visit to visit all lesions grow together, by 5 to 25 %, and a few new ones come.
    """
    volume_ml = first_ml
    lesions = draw_lesions(anatomy, volume_ml=volume_ml, rng=_stream(seed, index, "lesions"))
    before = lesions
    for visit in visits:
        rng, before = _stream(seed, index, "growth", visit), lesions
        new_ml = rng.uniform(0.15, 0.3) + volume_ml * rng.uniform(0.02, 0.06)
        volume_ml = min(volume_ml * rng.uniform(1.05, 1.25), 2 * MAX_LESION_ML)
        grown = draw_lesions(anatomy, volume_ml=volume_ml, rng=_stream(seed, index, "lesions"))
        lesions = np.maximum(before, grown)
        lesions = add_lesions(lesions, anatomy=anatomy, volume_ml=new_ml, rng=rng)
    return lesions, before


def _pose(seed: int, index: int, session: int) -> Floats | None:
    """Lay the head anew: scanner mm at this session to those of the first one, None."""
    if session == 1:
        return None
    rng = _stream(seed, index, "pose", session)
    pitch, roll, yaw = rng.uniform(-_POSE_DEG, _POSE_DEG, 3) / np.sqrt(3)
    pose = np.eye(4)
    pose[:3, :3] = turned(pitch=pitch, roll=roll, yaw=yaw)
    pose[:3, 3] = rng.uniform(-_POSE_MM, _POSE_MM, 3) / np.sqrt(3)
    return pose


def _flair_grid(*, slice_mm: float, voxel_mm: float, pitch: float) -> Grid:
    """2D slices follow the head's pitch, as a technician would plan them."""
    if slice_mm <= 1.5:
        edge = max(slice_mm, voxel_mm)
        return whole_head(voxel_mm=(edge, edge, edge), turn=np.eye(3))
    in_plane = max(0.9, voxel_mm)
    turn = turned(pitch=0.8 * pitch, roll=0, yaw=0)
    return whole_head(voxel_mm=(in_plane, in_plane, max(slice_mm, voxel_mm)), turn=turn)


def _t1w(
    anatomy: Anatomy,
    *,
    lesions: Volume,
    contrast: Contrast,
    rng: np.random.Generator,
    pose: Floats | None,
) -> nib.Nifti1Image:
    signal = t1w_signal(anatomy, lesions=lesions, contrast=contrast)
    if pose is not None:  # by splines: linear interpolation would blur later sessions alone
        signal = turn(signal, grid=anatomy.grid, motion=pose)
    return scan(signal, grid=anatomy.grid, acquisition=draw_acquisition(rng, moved=False))


def _posed(signal: Volume, anatomy: Anatomy, *, pose: Floats | None) -> Volume:
    if pose is None:
        return signal
    return resample(signal, source=anatomy.grid, target=anatomy.grid, motion=pose)


def _flair(
    anatomy: Anatomy,
    *,
    lesions: Volume,
    contrast: Contrast,
    rng: np.random.Generator,
    grid: Grid,
    pose: Floats | None,
) -> nib.Nifti1Image:
    acquisition = draw_acquisition(rng, moved=True)
    motion = acquisition.motion if pose is None else pose @ acquisition.motion
    signal = flair_signal(anatomy, lesions=lesions, contrast=contrast)
    seen = resample(signal, source=anatomy.grid, target=grid, motion=motion)
    return scan(seen, grid=grid, acquisition=acquisition)


def _maps(anatomy: Anatomy, *, lesions: Volume, pose: Floats | None) -> dict[str, nib.Nifti1Image]:
    return {
        name: nifti(_posed(fraction, anatomy, pose=pose), grid=anatomy.grid)
        for name, fraction in (
            ("lesions", lesions),
            ("gm", anatomy.gm),
            ("wm", anatomy.wm),
            ("csf", anatomy.csf),
            ("intracranial", anatomy.intracranial),
        )
    }
