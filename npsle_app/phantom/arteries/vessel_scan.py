"""Vessel-wall and angiographic images of a synthetic head."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import nibabel as nib
import numpy as np

from npsle_app.arrays import Volume
from npsle_app.phantom.arteries.head_arteries import HeadArteries
from npsle_app.phantom.arteries.tube_drawing import Signals, draw_tubes
from npsle_app.phantom.head.acquisition import draw_acquisition, resample, scan
from npsle_app.phantom.head.anatomy import Anatomy
from npsle_app.phantom.head.grids import Grid

Kind = Literal["vwi", "post", "angio"]
VESSEL_KINDS: tuple[Kind, ...] = get_args(Kind)

_FINE_MM, _FAST_MM = 0.5, 0.6
_FINE_FIELD_MM, _FAST_FIELD_MM = (140.0, 140.0, 80.0), (84.0, 70.0, 72.0)
_FAST_FROM_MM = 1.5  # edge of the T1w voxels

_BLACK = Signals(blood=0.05, wall=1.0, csf=0.25, gm=0.7, wm=0.9, head=0.7)
_ANGIO = Signals(blood=1.4, wall=0.4, csf=0.2, gm=0.45, wm=0.4, head=0.3)


@dataclass(frozen=True, slots=True)
class PhantomVessels:
    """Images of one session: black blood, the same after contrast agent, time of flight."""

    vwi: nib.Nifti1Image = field(repr=False)
    post: nib.Nifti1Image | None = field(repr=False, default=None)
    angio: nib.Nifti1Image | None = field(repr=False, default=None)


def scan_session(
    anatomy: Anatomy,
    *,
    arteries: HeadArteries,
    index: int,
    streams: Mapping[Kind, np.random.Generator],
    voxel_mm: float,
) -> PhantomVessels | None:
    """Make the images of one person, by number.

    Of three people the first has an angiogram too, the second an image after contrast agent,
    and the third has none of all.
    """
    if index % 3 == 0:
        return None

    def scanned(kind: Kind) -> nib.Nifti1Image:
        return scan_vessels(
            anatomy, arteries=arteries, kind=kind, rng=streams[kind], voxel_mm=voxel_mm
        )

    return PhantomVessels(
        vwi=scanned("vwi"),
        post=scanned("post") if index % 3 == 2 else None,
        angio=scanned("angio") if index % 3 == 1 else None,
    )


def scan_vessels(
    anatomy: Anatomy,
    *,
    arteries: HeadArteries,
    kind: Kind,
    rng: np.random.Generator,
    voxel_mm: float,
) -> nib.Nifti1Image:
    """Scan the arteries at the base of the brain, with cubes of 0.5 mm, or 0.6 mm if fast.

    Parameters
    ----------
    kind
        `vwi` is a black-blood T1w image, `post` the same after contrast agent, which brightens
        walls and what lies outside the skull, `angio` a time-of-flight angiogram with bright
        blood and no wall.
    voxel_mm
        Edge of the T1w voxels; from 1.5 mm on the scan is a small, fast one.
    """
    signals = _ANGIO if kind == "angio" else _BLACK
    if kind == "post":
        signals = replace(_BLACK, wall=arteries.enhancement, head=1.2 * _BLACK.head)
    acquisition = draw_acquisition(rng, moved=True)
    here = arteries.moved(np.linalg.inv(acquisition.motion))
    grid = _grid(here, fast=voxel_mm >= _FAST_FROM_MM)
    around = resample(
        _around(anatomy, signals=signals),
        source=anatomy.grid,
        target=grid,
        motion=acquisition.motion,
    )
    tubes = [*here.main.values(), *here.branches]
    return scan(
        draw_tubes(around, grid=grid, tubes=tubes, signals=signals),
        grid=grid,
        acquisition=acquisition,
    )


def _grid(arteries: HeadArteries, *, fast: bool) -> Grid:
    """Plan the field of view about the arteries."""
    edge_mm, field_mm = (_FAST_MM, _FAST_FIELD_MM) if fast else (_FINE_MM, _FINE_FIELD_MM)
    points = np.concatenate([artery.points for artery in arteries.main.values()])
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    i, j, k = (round(length / edge_mm) for length in field_mm)
    affine = np.diag([edge_mm] * 3 + [1.0])
    affine[:3, 3] = centre - edge_mm * (np.array([i, j, k]) - 1) / 2
    return Grid(shape=(i, j, k), affine=affine)


def _around(anatomy: Anatomy, *, signals: Signals) -> Volume:
    signal: Volume = signals.gm * anatomy.gm + signals.wm * anatomy.wm + signals.csf * anatomy.csf
    signal += np.float32(signals.head) * (1 - anatomy.intracranial) * anatomy.head
    return signal
