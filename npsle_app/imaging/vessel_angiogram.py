"""Vessels by a time-of-flight angiogram, where the black-blood image alone did not show them."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np

from npsle_app.imaging.vessel_centreline import Centreline, make_centreline
from npsle_app.imaging.vessel_place import HeadPlace, search_box
from npsle_app.imaging.vessel_planes import cut_around
from npsle_app.imaging.vessel_search import EXPECTED, find_vessel, is_dark_tube
from npsle_app.imaging.vessel_trunk import trim_to_trunk
from npsle_app.measures.names_of_vessels import VesselName

_MARGIN_MM = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Angiogram:
    """An angiogram with bright blood, and where it lies in the head."""

    image: nib.Nifti1Image
    place: HeadPlace


def find_by_angiogram(
    image: nib.Nifti1Image, *, name: VesselName, place: HeadPlace, angiogram: Angiogram
) -> Centreline:
    """Find a bright tube in the angiogram and bring its course to the black-blood image.

    Raises
    ------
    ValueError
        If there is no such tube, it leaves the black-blood image, or no dark tube with a wall
        lies there; the message says that the vessel is not assessable.
    """
    part, box = search_box(angiogram.image, name=name, place=angiogram.place)
    bright = find_vessel(part, box=box, expected=EXPECTED[name.label], name=name.text, dark=False)
    moved = place.to_image @ np.linalg.inv(angiogram.place.to_image)
    line = make_centreline(nib.affines.apply_affine(moved, bright.points))
    around = cut_around(image, line=line, margin_mm=_MARGIN_MM)
    if not is_dark_tube(around, line=line):
        msg = f"{name.text}: not assessable: no dark tube lies where the angiogram shows a vessel"
        raise ValueError(msg)
    least_mm = EXPECTED[name.label].length_mm[0]
    return trim_to_trunk(image, line=line, least_mm=least_mm, name=name.text)
