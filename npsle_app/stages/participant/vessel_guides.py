"""What a reader gave for the vessels of a scan, opened."""

from collections.abc import Collection, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np

from npsle_app.bids.output.reader import read_mask
from npsle_app.bids.vessels.guides import (
    Drawn,
    group_drawn,
    list_landmarks,
    list_rejections,
    read_rejections,
)
from npsle_app.bids.vessels.landmarks import Point, read_landmarks, read_line
from npsle_app.imaging.vessels.results import Guide, Mode
from npsle_app.measures.names_of_vessels import STANDARD, VesselName


def read_guides(files: Sequence[Path], *, sought: Collection[str]) -> dict[VesselName, Guide]:
    """Open masks, centrelines and landmarks by vessel: the standard ones and those given.

    A vessel for which nothing was given is left out, unless `sought` has its label. One that a
    reader rejected is not measured, whatever else was given for it.

    Raises
    ------
    ValueError
        If a landmark file, or the name of a mask, cannot be understood.
    """
    drawn, landmarks = group_drawn(files), _landmarks(list_landmarks(files))
    extra = sorted({*drawn, *landmarks} - set(STANDARD))
    guides = {}
    for name in (*STANDARD, *extra):
        if name in drawn and (drawn[name].lumen or drawn[name].outer):
            guides[name] = _open(drawn[name])
        elif name in landmarks:
            guides[name] = Guide(mode=Mode.LANDMARKS, landmarks=landmarks[name])
        elif name in drawn or name.label in sought:
            guides[name] = _open(drawn[name]) if name in drawn else Guide()
    return guides | {
        name: Guide(mode=Mode.REJECTED, fault=f"rejected by {by}")
        for path in list_rejections(files)
        for name, by in read_rejections(path).items()
    }


def _landmarks(files: Sequence[Path]) -> dict[VesselName, tuple[Point, ...]]:
    """Read all files; of two that name one vessel, the first counts."""
    made: dict[VesselName, tuple[Point, ...]] = {}
    for path in files:
        made = read_landmarks(path) | made
    return made


def _open(drawn: Drawn) -> Guide:
    mode = Mode.MASKS if drawn.lumen or drawn.outer else Mode.LANDMARKS
    try:
        line = None if drawn.line is None else np.array(read_line(drawn.line))
        if mode is Mode.LANDMARKS:
            return Guide(mode=mode, landmarks=() if line is None else [*map(tuple, line)])
        return Guide(mode=mode, line=line, lumen=_mask(drawn.lumen), outer=_mask(drawn.outer))
    except ValueError as error:
        return Guide(mode=mode, fault=str(error))


def _mask(path: Path | None) -> nib.Nifti1Image | None:
    return None if path is None else read_mask(path)
