"""One synthetic person: images, and the truth about them."""

from dataclasses import KW_ONLY, dataclass, field
from typing import Literal, get_args

import nibabel as nib
import numpy as np
from scipy.stats import norm

from npsle_app.arrays import Floats, Volume
from npsle_app.phantom.arteries.head_arteries import HeadArteries, draw_arteries
from npsle_app.phantom.arteries.vessel_scan import VESSEL_KINDS, PhantomVessels, scan_session
from npsle_app.phantom.head.acquisition import draw_acquisition, nifti, resample, scan, turn
from npsle_app.phantom.head.anatomy import Anatomy, Shape, draw_shape, make_anatomy
from npsle_app.phantom.head.contrast import Contrast, draw_contrast, flair_signal, t1w_signal
from npsle_app.phantom.head.diffusion import PhantomDwi, acquire
from npsle_app.phantom.head.fibres import Fibres, draw_fibres
from npsle_app.phantom.head.grids import Grid, turned, whole_head
from npsle_app.phantom.head.lesions import add_lesions, draw_lesions
from npsle_app.phantom.head.truth import Truth, find_truth, region_truth

# New streams go to the end, so that no study changes.
Stream = Literal[
    "person", "shape", "lesions", "contrast", "t1w", "flair", "pose", "growth", "fibres", "dwi",
    "arteries", "vwi", "post", "angio",
]  # fmt: skip
_STREAMS: tuple[Stream, ...] = get_args(Stream)

MAX_LESION_ML = 15.0
_MEDIAN_LESION_ML, _LOG_SPREAD = 1.7, 1.1
_FIRST_QUANTILE, _NEXT_QUANTILE = 0.77, np.sqrt(2) - 1
_POSE_DEG, _POSE_MM = 6.0, 8.0
_LARGEST_3D_MM = 1.5  # thicker slices are acquired one by one


Sex = Literal["F", "M"]
Group = Literal["HC", "SLE", "NPSLE"]


@dataclass(frozen=True, slots=True)
class Request:
    """Whom to make, and which scans.

    Attributes
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
    nwi
        Normalised wall index of the person's arteries; by default walls are drawn by group.
    """

    index: int
    _: KW_ONLY
    seed: int
    voxel_mm: float = 1.0
    lesion_ml: float | None = None
    flair_slice_mm: float | None = None
    session: int = 1
    diffusion: bool = False
    vessel_wall: bool = False
    nwi: float | None = None

    def __post_init__(self) -> None:
        if self.index < 1 or self.seed < 0 or not self.voxel_mm > 0:
            asked = f"{self.index}, {self.seed}, {self.voxel_mm}"
            msg = f"expected index ≥ 1, seed ≥ 0, voxel_mm > 0: {asked}"
            raise ValueError(msg)
        if self.session < 1:
            msg = f"expected session ≥ 1: {self.session}"
            raise ValueError(msg)

    @property
    def slice_mm(self) -> float:
        """Slice thickness of the FLAIR."""
        return self.flair_slice_mm or (3.0 if self.index % 2 == 0 else 1.0)

    def stream(self, name: Stream, *, session: int = 1) -> np.random.Generator:
        """Return one generator per purpose, so that no draw shifts another."""
        visit = [] if session == 1 else [session]
        return np.random.default_rng([self.seed, self.index, _STREAMS.index(name), *visit])


@dataclass(frozen=True, slots=True)
class PhantomParticipant:
    """Scans of one synthetic person; `maps` holds the true fractions in the space of the T1w.

    `dwi` and `vessels` are None unless they were asked for; every third person and all later
    sessions have no vessel-wall image.
    """

    label: str
    age: int
    sex: Sex
    group: Group
    truth: Truth
    regions_ml: dict[str, float]
    t1w: nib.Nifti1Image = field(repr=False)
    flair: nib.Nifti1Image = field(repr=False)
    maps: dict[str, nib.Nifti1Image] = field(repr=False)
    arteries: HeadArteries = field(repr=False)
    dwi: PhantomDwi | None = field(repr=False, default=None)
    vessels: PhantomVessels | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class _Person:
    """What is drawn before there is a head; `lesion_ml` is that of the first session."""

    age: int
    sex: Sex
    group: Group
    lesion_ml: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """A head in one session; `before` are the lesions of the session before.

    `pose` takes scanner mm at this session to those of the first one, which has None.
    """

    shape: Shape
    anatomy: Anatomy
    lesions: Volume
    before: Volume
    contrast: Contrast
    fibres: Fibres
    arteries: HeadArteries
    pose: Floats | None


def make_participant(request: Request) -> PhantomParticipant:
    """Make one person from nothing but a number and a seed.

    Head, scanner noise and coil do not depend on the lesions: the same person with
    `lesion_ml=0` has the same T1w image but for the lesions.
    """
    person = _draw_person(request)
    head = _make_head(request, person=person)
    return PhantomParticipant(
        label=f"{request.index:02d}",
        age=person.age,
        sex=person.sex,
        group=person.group,
        truth=find_truth(
            head.anatomy,
            lesions=head.lesions,
            before=head.before if request.session > 1 else None,
            fibres=head.fibres,
            flair_type="2D" if request.slice_mm > _LARGEST_3D_MM else "3D",
        ),
        regions_ml=region_truth(head.anatomy),
        t1w=_scan_t1w(request, head=head),
        flair=_scan_flair(request, head=head),
        maps=_maps(head),
        arteries=head.arteries,
        dwi=_scan_diffusion(request, head=head) if request.diffusion else None,
        vessels=_scan_vessels(request, head=head) if request.vessel_wall else None,
    )


def _draw_person(request: Request) -> _Person:
    rng = request.stream("person")
    return _Person(
        age=int(np.clip(round(rng.normal(44, 13)), 18, 78)),
        sex="F" if rng.uniform() < 0.8 else "M",
        group=_group(request.index),
        lesion_ml=lesion_load_ml(request.index) * rng.uniform(0.95, 1.05),
    )


def _make_head(request: Request, *, person: _Person) -> _Head:
    shape = draw_shape(request.stream("shape"), age=person.age, sex=person.sex)
    edge = request.voxel_mm
    grid = whole_head(voxel_mm=(edge, edge, edge), turn=np.eye(3))
    anatomy = make_anatomy(shape, grid=grid, voxel_mm=edge)
    lesions, before = _grow_lesions(request, anatomy=anatomy, first_ml=person.lesion_ml)
    return _Head(
        shape=shape,
        anatomy=anatomy,
        lesions=lesions,
        before=before,
        contrast=draw_contrast(request.stream("contrast")),
        fibres=draw_fibres(request.stream("fibres"), group=person.group),
        arteries=draw_arteries(
            request.stream("arteries"), shape=shape, group=person.group, nwi=request.nwi
        ),
        pose=_draw_pose(request),
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


def _group(index: int) -> Group:
    quantile = _quantile(index)
    if quantile < 0.35:
        return "HC"
    return "SLE" if quantile < 0.7 else "NPSLE"


def _grow_lesions(request: Request, *, anatomy: Anatomy, first_ml: float) -> tuple[Volume, Volume]:
    """Draw the lesions of a session, and those of the session before it.

    From session to session all lesions grow together, by 5 to 25 %, and a few new ones come;
    where the request says how large they are, they stay.
    """
    volume_ml = first_ml if request.lesion_ml is None else request.lesion_ml
    lesions = draw_lesions(anatomy, volume_ml=volume_ml, rng=request.stream("lesions"))
    before = lesions
    last = request.session if request.lesion_ml is None else 1
    for session in range(2, last + 1):
        rng, before = request.stream("growth", session=session), lesions
        new_ml = rng.uniform(0.15, 0.3) + volume_ml * rng.uniform(0.02, 0.06)
        volume_ml = min(volume_ml * rng.uniform(1.05, 1.25), 2 * MAX_LESION_ML)
        grown = draw_lesions(anatomy, volume_ml=volume_ml, rng=request.stream("lesions"))
        lesions = np.maximum(before, grown)
        lesions = add_lesions(lesions, anatomy=anatomy, volume_ml=new_ml, rng=rng)
    return lesions, before


def _draw_pose(request: Request) -> Floats | None:
    """Lay the head anew at a later session."""
    if request.session == 1:
        return None
    rng = request.stream("pose", session=request.session)
    pitch, roll, yaw = rng.uniform(-_POSE_DEG, _POSE_DEG, 3) / np.sqrt(3)
    pose = np.eye(4)
    pose[:3, :3] = turned(pitch=pitch, roll=roll, yaw=yaw)
    pose[:3, 3] = rng.uniform(-_POSE_MM, _POSE_MM, 3) / np.sqrt(3)
    return pose


def _flair_grid(request: Request, *, pitch: float) -> Grid:
    """2D slices follow the head's pitch, as a technician would plan them."""
    slice_mm, voxel_mm = request.slice_mm, request.voxel_mm
    if slice_mm <= _LARGEST_3D_MM:
        edge = max(slice_mm, voxel_mm)
        return whole_head(voxel_mm=(edge, edge, edge), turn=np.eye(3))
    in_plane = max(0.9, voxel_mm)
    turn = turned(pitch=0.8 * pitch, roll=0, yaw=0)
    return whole_head(voxel_mm=(in_plane, in_plane, max(slice_mm, voxel_mm)), turn=turn)


def _scan_t1w(request: Request, *, head: _Head) -> nib.Nifti1Image:
    signal = t1w_signal(head.anatomy, lesions=head.lesions, contrast=head.contrast)
    if head.pose is not None:  # by splines: linear interpolation would blur later sessions alone
        signal = turn(signal, grid=head.anatomy.grid, motion=head.pose)
    rng = request.stream("t1w", session=request.session)
    return scan(signal, grid=head.anatomy.grid, acquisition=draw_acquisition(rng, moved=False))


def _scan_flair(request: Request, *, head: _Head) -> nib.Nifti1Image:
    rng = request.stream("flair", session=request.session)
    acquisition = draw_acquisition(rng, moved=True)
    motion = acquisition.motion if head.pose is None else head.pose @ acquisition.motion
    signal = flair_signal(head.anatomy, lesions=head.lesions, contrast=head.contrast)
    grid = _flair_grid(request, pitch=head.shape.pitch)
    seen = resample(signal, source=head.anatomy.grid, target=grid, motion=motion)
    return scan(seen, grid=grid, acquisition=acquisition)


def _scan_vessels(request: Request, *, head: _Head) -> PhantomVessels | None:
    if request.session > 1:
        return None
    return scan_session(
        head.anatomy,
        arteries=head.arteries,
        index=request.index,
        streams={name: request.stream(name) for name in VESSEL_KINDS},
        voxel_mm=request.voxel_mm,
    )


def _scan_diffusion(request: Request, *, head: _Head) -> PhantomDwi:
    return acquire(
        head.anatomy,
        shape=head.shape,
        lesions=head.lesions,
        fibres=head.fibres,
        rng=request.stream("dwi", session=request.session),
        pose=head.pose,
        oblique=request.index % 2 == 0,
        voxel_mm=request.voxel_mm,
    )


def _maps(head: _Head) -> dict[str, nib.Nifti1Image]:
    anatomy = head.anatomy
    return {
        name: nifti(_posed(fraction, anatomy, pose=head.pose), grid=anatomy.grid)
        for name, fraction in (
            ("lesions", head.lesions),
            ("gm", anatomy.gm),
            ("wm", anatomy.wm),
            ("csf", anatomy.csf),
            ("intracranial", anatomy.intracranial),
        )
    }


def _posed(signal: Volume, anatomy: Anatomy, *, pose: Floats | None) -> Volume:
    if pose is None:
        return signal
    return resample(signal, source=anatomy.grid, target=anatomy.grid, motion=pose)
