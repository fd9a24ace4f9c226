"""The numbers of the stage `vessel_wall`: lumen and wall of each artery, and their mean."""

from npsle_app.measure_definition import MeasureDefinition
from npsle_app.vessel_names import STANDARD

MAX_VOXEL_MM = 0.8  # longer edges do not show a wall

_SHI = "Shi 2019, doi:10.1109/TBME.2019.2896972"
_ZHANG = "Zhang 2018, doi:10.1186/s12968-018-0453-z"
_MANDELL = "Mandell 2017, doi:10.3174/ajnr.A4893"
_SAMUELS = "Samuels 2000, PMID 10782772"
_POOLED = "Σ(OWA − LA) / Σ OWA over accepted sections"
_Q = "joins noise and the uncertain point spread; there is none for drawn masks"
_NOISE = "the fit's covariance, or the scatter of neighbours where it is larger, and the blur's"
_LOPSIDED = f"{_NOISE}; downwards even on the scale of the wall's square"

# name, unit, what it is, formula, plausible range, reference
_Row = tuple[str, str, str, str, tuple[float, float] | None, str]
OF_ARTERY: tuple[_Row, ...] = (
    ("nwi", "1", ("Normalized wall index, pooled over sections (primary number): read it beside "
     "the lumen area, for a narrow artery has a higher one with the same wall"), _POOLED,
     (0.2, 0.8), _SHI),
    ("nwi_low", "1", f"Lower end of the 95 % interval of nwi: {_Q}", _LOPSIDED, (0.0, 1.0), _SHI),
    ("nwi_high", "1", f"Upper end of the 95 % interval of nwi: {_Q}", _LOPSIDED, (0.0, 1.0), _SHI),
    ("nwi_mean_of_slices", "1", ("Mean of the sections' NWI; differs from the pooled one where the "
     "calibre varies"), "mean (OWA − LA) / OWA", (0.2, 0.8), _ZHANG),
    ("nwi_of_contours", "1", ("NWI of the plain contours, as other software gives it: too high for "
     "walls below two voxels"), "the same of contour areas", (0.2, 0.95), _SHI),
    ("nwi_at_reference_radius", "1", ("NWI adjusted for the lumen: of the measured wall around "
     "a lumen of 1.35 mm radius"), "1 − r² / (r + w)² with r = 1.35 mm, w = mean wall",
     (0.2, 0.8), _SHI),
    ("lumen_area_mm2", "mm²", "Lumen area, mean over sections", "mean LA", (0.5, 30), _ZHANG),
    ("lumen_area_low_mm2", "mm²", f"Lower end of its 95 % interval: {_Q}", _NOISE, (0, 30),
     _ZHANG),
    ("lumen_area_high_mm2", "mm²", f"Upper end of its 95 % interval: {_Q}", _NOISE, (0, 60),
     _ZHANG),
    ("outer_wall_area_mm2", "mm²", "Area within the outer wall, mean over sections", "mean OWA",
     (1, 60), _ZHANG),
    ("wall_area_mm2", "mm²", "Wall area, mean over sections", "mean (OWA − LA)", (0.5, 40), _ZHANG),
    ("wall_thickness_mean_mm", "mm", ("Mean wall thickness; below vw_wall_floor_mm it rests on the "
     "fitted point spread"), "mean over rays and sections of R_outer − R_inner", (0.1, 2.5),
     _ZHANG),
    ("wall_thickness_low_mm", "mm", f"Lower end of its 95 % interval: {_Q}", _LOPSIDED, None,
     _ZHANG),
    ("wall_thickness_high_mm", "mm", f"Upper end of its 95 % interval: {_Q}", _LOPSIDED, None,
     _ZHANG),
    ("wall_thickness_max_mm", "mm", "Thickest wall of any section", "maximum", (0.1, 4), _ZHANG),
    ("wall_thickness_min_mm", "mm", "Thinnest wall of any section", "minimum", (0.0, 2), _ZHANG),
    ("eccentricity", "1", "Eccentricity index, mean over sections",
     "mean (WT_max − WT_min) / WT_max", (0.0, 1.0), _ZHANG),
    ("stenosis_percent", "%", ("Narrowing of the diameter at the smallest lumen; reference is the "
     "median of sections at least 3 mm away"), "100 × (1 − D_min / D_ref)", (0, 99), _SAMUELS),
    ("remodelling_ratio", "1", "Outer-wall area at the smallest lumen over that of the reference",
     "OWA / OWA_ref", (0.5, 2.0), _ZHANG),
    ("enhancement_ratio", "1", ("Wall signal after contrast agent over that before it, each over "
     "white matter's"), "(wall / WM) post / (wall / WM) pre", (0.5, 4.0), _MANDELL),
    ("length_mm", "mm", "Length that was measured", "accepted sections × 0.5 mm", (4, 60), _ZHANG),
    ("sections_count", "1", "Sections along the artery", "number", None, _ZHANG),
    ("sections_accepted_count", "1", "Sections that passed all checks", "number", None, _ZHANG),
)  # fmt: skip

OF_PARTICIPANT: tuple[_Row, ...] = (
    ("vw_nwi", "1", ("Normalized wall index, mean over the arteries that were measured; which, the "
     "record says: compare only the same set"), "mean of vw_*_nwi", (0.2, 0.8), _SHI),
    ("vw_nwi_at_reference_radius", "1", ("NWI adjusted for the lumen, mean over the arteries that "
     "were measured"), "mean of vw_*_nwi_at_reference_radius", (0.2, 0.8), _SHI),
    ("vw_lumen_area_mm2", "mm²", "Lumen area, mean over the arteries that were measured",
     "mean of vw_*_lumen_area_mm2", (0.5, 30), _ZHANG),
    ("vw_vessels_count", "1", "Number of arteries that were measured, of seven", "number", (1, 7),
     _ZHANG),
    ("vw_wall_floor_mm", "mm", "Thinnest wall that contours can show at this voxel size",
     "1.3 × cube root of the voxel volume", (0.3, 1.1), _MANDELL),
)  # fmt: skip


def _define(name: str, row: _Row, *, of: str = "") -> MeasureDefinition:
    _, unit, description, formula, plausible, reference = row
    return MeasureDefinition(
        name=name,
        unit=unit,
        stage="vessel_wall",
        description=f"{description}{of}",
        formula=formula,
        reference=reference,
        plausible=plausible,
    )


VESSELS = (
    *(_define(row[0], row) for row in OF_PARTICIPANT),
    *(
        _define(f"{vessel.measure}_{row[0]}", row, of=f" — {vessel.long_text}")
        for vessel in STANDARD
        for row in OF_ARTERY
    ),
)
