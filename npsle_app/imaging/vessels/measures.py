"""Numbers of a vessel: areas, normalized wall index, thickness, stenosis, remodelling."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Bools, Floats
from npsle_app.imaging.vessels.intervals import (
    Interval,
    area_limits,
    mean_sd,
    nwi_limits,
    thickness_limits,
    with_scatter,
)

FLOOR_VOXELS = 1.3
# What vessels behind scanners of other make are off by where blur and noise hardly matter
# (benchmarks/vessel_coverage.py, 120 vessels): circles and kernels that are not quite theirs.
_MODEL_RADIUS_SD, _MODEL_RATIO_SD = 0.012, 0.02
REFERENCE_RADIUS_MM = 1.35
_APART_MM = 3.0  # slices this near the narrowest place are no reference for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """What was measured in each section of a vessel; (n,) arrays, NaN where nothing was.

    `log_ratio` is the logarithm of wall over lumen radius, of which NWI is a function;
    `*_sd` are standard deviations from the noise alone, `*_by_blur` how the value moves when
    the point spread is one SD wider than assumed. `shared` is how many sections see each voxel.
    """

    along_mm: Floats
    lumen_mm2: Floats
    outer_mm2: Floats
    log_radius_sd: Floats
    log_radius_by_blur: Floats
    log_ratio_sd: Floats
    log_ratio_by_blur: Floats
    thickness_mean_mm: Floats
    thickness_max_mm: Floats
    thickness_min_mm: Floats
    contour_lumen_mm2: Floats
    contour_outer_mm2: Floats
    accepted: Bools
    shared: float = 1.0

    @property
    def wall_mm2(self) -> Floats:
        return self.outer_mm2 - self.lumen_mm2

    @property
    def nwi(self) -> Floats:
        """Normalized wall index of each section, WA / (WA + LA)."""
        return self.wall_mm2 / self.outer_mm2


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A vessel over its accepted sections; areas are means in mm², lengths in mm."""

    lumen_mm2: Interval
    outer_mm2: float
    wall_mm2: float
    nwi: Interval
    nwi_mean_of_slices: float
    nwi_of_contours: float
    nwi_at_reference_radius: float
    thickness_mean_mm: Interval
    thickness_max_mm: float
    thickness_min_mm: float
    eccentricity: float
    stenosis_percent: float
    remodelling: float
    floor_mm: float
    length_mm: float
    n_slices: int
    n_accepted: int

    @property
    def below_floor(self) -> bool:
        """Whether the wall is thinner than what contours can show: it rests on the blur's model."""
        return self.thickness_mean_mm.value < self.floor_mm


def nwi_of(lumen_mm2: float, outer_mm2: float) -> float:
    """Return the normalized wall index, the wall's share of the vessel's area: 1 - LA / OWA.

    Examples
    --------
    >>> round(nwi_of(np.pi * 1.0**2, np.pi * 2.0**2), 3)
    0.75
    """
    if not 0 < lumen_mm2 <= outer_mm2:
        msg = f"a lumen of {lumen_mm2} mm² does not fit into a vessel of {outer_mm2} mm²"
        raise ValueError(msg)
    return 1 - lumen_mm2 / outer_mm2


def nwi_at_radius(wall_mm: float, *, radius_mm: float = REFERENCE_RADIUS_MM) -> float:
    """Return the NWI that a wall of this thickness has around a lumen of a set radius.

    A thin artery has a higher NWI than a wide one with the same wall; this takes the lumen out.
    """
    return 1 - radius_mm**2 / (radius_mm + wall_mm) ** 2


def summarise(sections: Sections, *, voxel_mm: float) -> Summary | None:
    """Sum up the accepted sections; None where there is none.

    Primary NWI is pooled, ΣWA / ΣOWA. Its interval joins noise, as seen by the fit or by the
    scatter between neighbouring sections, whichever is larger, with the point spread's
    uncertainty and the model's own error, which all sections share.
    """
    kept = sections.accepted & np.isfinite(sections.nwi)
    if not kept.any():
        return None
    lumen, outer = sections.lumen_mm2[kept], sections.outer_mm2[kept]
    narrow = _narrowest(sections, kept=kept)
    wall = np.sqrt(outer / np.pi) - np.sqrt(lumen / np.pi)
    most, least = sections.thickness_max_mm[kept], sections.thickness_min_mm[kept]
    return Summary(
        lumen_mm2=_lumen(sections, kept=kept),
        outer_mm2=float(outer.mean()),
        wall_mm2=float((outer - lumen).mean()),
        nwi=_nwi(sections, kept=kept),
        nwi_mean_of_slices=float(sections.nwi[kept].mean()),
        nwi_of_contours=_of_contours(sections, kept=kept),
        nwi_at_reference_radius=nwi_at_radius(float(wall.mean())),
        thickness_mean_mm=_thickness(sections, kept=kept),
        thickness_max_mm=float(most.max()),
        thickness_min_mm=float(least.min()),
        eccentricity=float(((most - least) / most).mean()),
        stenosis_percent=narrow[0],
        remodelling=narrow[1],
        floor_mm=FLOOR_VOXELS * voxel_mm,
        length_mm=float(kept.sum() * _step(sections)),
        n_slices=len(kept),
        n_accepted=int(kept.sum()),
    )


def section_table(sections: Sections) -> pd.DataFrame:
    """Return one row per section, with 95 % intervals of LA and NWI.

    Noise is what the fit says, or more where neighbouring sections scatter by more than that.
    """
    seen_radius, seen_ratio = _seen_sd(sections)
    radius_sd = _joined(seen_radius, sections.log_radius_by_blur, _MODEL_RADIUS_SD)
    ratio_sd = _joined(seen_ratio, sections.log_ratio_by_blur, _MODEL_RATIO_SD)
    nwi, lumen = sections.nwi, sections.lumen_mm2
    lumen_low, lumen_high = area_limits(lumen, log_radius_sd=radius_sd)
    low, high = nwi_limits(nwi, log_ratio_sd=ratio_sd)
    return pd.DataFrame({
        "along_mm": sections.along_mm,
        "lumen_area_mm2": lumen,
        "lumen_area_low_mm2": lumen_low,
        "lumen_area_high_mm2": lumen_high,
        "outer_wall_area_mm2": sections.outer_mm2,
        "wall_area_mm2": sections.wall_mm2,
        "nwi": nwi,
        "nwi_low": low,
        "nwi_high": high,
        "nwi_of_contours": 1 - sections.contour_lumen_mm2 / sections.contour_outer_mm2,
        "wall_thickness_mean_mm": sections.thickness_mean_mm,
        "wall_thickness_max_mm": sections.thickness_max_mm,
        "wall_thickness_min_mm": sections.thickness_min_mm,
        "accepted": sections.accepted,
    })  # fmt: skip


def _seen_sd(sections: Sections) -> tuple[Floats, Floats]:
    """Return the SDs of log radius and log ratio by noise, each (n,)."""
    kept = sections.accepted & np.isfinite(sections.nwi)
    lag = max(round(sections.shared), 1)
    radius, ratio = (np.full(len(kept), np.nan) for _ in range(2))
    radius[kept] = np.log(sections.lumen_mm2[kept]) / 2
    ratio[kept] = _log_ratio(sections, kept=kept)
    return (
        with_scatter(sections.log_radius_sd, values=radius, lag=lag),
        with_scatter(sections.log_ratio_sd, values=ratio, lag=lag),
    )


def _joined(*sds: Floats | float) -> Floats:
    joined: Floats = np.sqrt(np.sum(np.square(np.broadcast_arrays(*sds)), axis=0))
    return joined


def _step(sections: Sections) -> float:
    steps = np.diff(sections.along_mm)
    return float(np.median(steps)) if len(steps) else 0.0


def _lumen(sections: Sections, *, kept: Bools) -> Interval:
    lumen = sections.lumen_mm2[kept]
    noise = mean_sd(np.log(lumen) / 2, sd=sections.log_radius_sd[kept], shared=sections.shared)
    blur = float(sections.log_radius_by_blur[kept].mean())
    mean = lumen.mean()
    low, high = area_limits(mean, log_radius_sd=_joined(noise, blur, _MODEL_RADIUS_SD))
    return Interval(value=float(mean), low=float(low), high=float(high))


def _log_ratio(sections: Sections, *, kept: Bools) -> Floats:
    ratio: Floats = np.log(np.sqrt(sections.outer_mm2[kept] / sections.lumen_mm2[kept]) - 1)
    return ratio


def _nwi(sections: Sections, *, kept: Bools) -> Interval:
    pooled = 1 - sections.lumen_mm2[kept].sum() / sections.outer_mm2[kept].sum()
    low, high = nwi_limits(pooled, log_ratio_sd=_ratio_sd(sections, kept=kept))
    return Interval(value=float(pooled), low=float(low), high=float(high))


def _ratio_sd(sections: Sections, *, kept: Bools) -> float:
    noise = mean_sd(
        _log_ratio(sections, kept=kept), sd=sections.log_ratio_sd[kept], shared=sections.shared
    )
    blur = float(sections.log_ratio_by_blur[kept].mean())
    return float(_joined(noise, blur, _MODEL_RATIO_SD))


def _thickness(sections: Sections, *, kept: Bools) -> Interval:
    mean = sections.thickness_mean_mm[kept].mean()
    low, high = thickness_limits(mean, log_sd=_ratio_sd(sections, kept=kept))
    return Interval(value=float(mean), low=float(low), high=float(high))


def _of_contours(sections: Sections, *, kept: Bools) -> float:
    return float(
        1 - sections.contour_lumen_mm2[kept].sum() / sections.contour_outer_mm2[kept].sum()
    )


def _narrowest(sections: Sections, *, kept: Bools) -> tuple[float, float]:
    """Return stenosis in per cent and remodelling ratio at the narrowest accepted section.

    Reference is the median of the sections at least 3 mm from it; NaN where there is none.
    Stenosis is that of WASID, 100 · (1 - Dmin / Dref) (Samuels 2000, PMID 10782772).
    """
    lumen, outer = sections.lumen_mm2[kept], sections.outer_mm2[kept]
    along = sections.along_mm[kept]
    place = int(np.argmin(lumen))
    reference = np.abs(along - along[place]) >= _APART_MM
    if reference.sum() < 3:
        return float("nan"), float("nan")
    diameters = np.sqrt(lumen[place] / np.median(lumen[reference]))
    return float(100 * (1 - diameters)), float(outer[place] / np.median(outer[reference]))
