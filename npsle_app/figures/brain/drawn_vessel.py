"""A measured vessel as figures get it."""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Bools, Floats

LUMEN_COLOUR, WALL_COLOUR, REJECTED_COLOUR = "#ffd740", "#40c4ff", "#ff9100"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnVessel:
    """One vessel of a session, n sections along its centreline.

    Attributes
    ----------
    name, mode
        Title, such as `M1 left`, and how the vessel was found: masks, landmarks, automatic.
    points
        (n, 3) centreline in mm, RAS, of the vessel-wall image.
    along_mm
        (n,) length from the first point.
    planes
        (n, m, m) signal by first and second axis of the section's frame, the centreline in the
        middle; NaN outside the image.
    pixel_mm
        Edge of the planes' pixels.
    inner_mm, outer_mm
        (n, 72, 2) closed outlines along the first and second axis, about the centreline.
    accepted
        (n,) whether the section counts.
    nwi, nwi_low, nwi_high, lumen_mm2, lumen_low_mm2, lumen_high_mm2
        (n,) with 95 % limits; NaN where there is none.
    nwi_at_floor
        (n,) NWI of a wall of 1.3 voxels, `floor_mm`, around this lumen.
    nwi_pooled
        None where the vessel is not assessable.
    """

    name: str
    mode: str
    points: Floats
    along_mm: Floats
    planes: Floats
    pixel_mm: float
    inner_mm: Floats
    outer_mm: Floats
    accepted: Bools
    nwi: Floats
    nwi_low: Floats
    nwi_high: Floats
    lumen_mm2: Floats
    lumen_low_mm2: Floats
    lumen_high_mm2: Floats
    nwi_at_floor: Floats
    nwi_pooled: float | None
    floor_mm: float

    @property
    def verdict(self) -> str:
        """How many sections count, and what they say."""
        counted = f"{int(self.accepted.sum())} of {len(self.accepted)} sections accepted"
        if self.nwi_pooled is None:
            return f"{counted}: not assessable"
        return f"{counted}, NWI {self.nwi_pooled:.2f}"

    @property
    def window(self) -> tuple[float, float]:
        """Signals that are shown black and white."""
        known = self.planes[np.isfinite(self.planes)]
        if not known.size:
            return 0.0, 1.0
        low, high = (float(value) for value in np.percentile(known, (0.5, 99.5)))
        return low, max(high, low + 1e-6)

    @property
    def reach_mm(self) -> float:
        """How far the planes reach from the centreline."""
        return float(self.planes.shape[1] * self.pixel_mm / 2)
