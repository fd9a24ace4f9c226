"""The numbers of the DTI-ALPS index as a table and by the names of the measures."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsle_app.arrays import Volume
from npsle_app.imaging.alps.frame import head_angles_deg
from npsle_app.imaging.alps.index import Region, turn_tensors
from npsle_app.imaging.alps.rois import PLACES, Place, Side
from npsle_app.imaging.alps.study import AlpsFindings
from npsle_app.imaging.alps.variants import PRIMARY, SPHERE, VARIANTS, WEIGHTED, Indices

_AXES = "xyz"
_LABELLED = 0.2
_TENSOR = "mm²/s, along the axes of the head"
COLUMNS: dict[str, dict[str, str]] = {
    "analysis": {
        "Description": "What the row holds: an index (`index`), that of spheres with another "
        "radius (`radius`) or all moved by one voxel (`shift`), or a region"
    },
    "variant": {
        "Description": "Variant of the index, radius in mm, or shift in voxels i j k; of regions, "
        "the variant that they are for"
    },
    "side": {"Description": "left, right, or the mean of both"},
    "tract": {"Description": "Fibres of the region: projection or association"},
    "alps": {"Description": "DTI-ALPS index", "Units": "1"},
    "sd": {
        "Description": "Standard deviation of the index by noise and place: wild bootstrap, one "
        "draw per volume, of residuals before denoising, with regions moved by 0.5 mm along each "
        "axis and the frame turned by 0.4° about each",
        "Units": "1",
    },
    "low": {
        "Description": "Lower bound of the 95 % interval: the index less the standard deviation "
        "times the 97.5th percentile of Student's t, whose degrees of freedom are those that the "
        "tensor leaves to the volumes",
        "Units": "1",
    },
    "high": {"Description": "Upper bound of the same interval", "Units": "1"},
    **{
        f"d{axis}{axis}": {"Description": f"Mean D{axis}{axis}, {_TENSOR}", "Units": "mm2/s"}
        for axis in _AXES
    },
    "fa": {"Description": "Mean fractional anisotropy", "Units": "1"},
    "md": {"Description": "Mean diffusivity", "Units": "mm2/s"},
    "asymmetry": {
        "Description": "Mean second over mean third eigenvalue; about 2 where fibres cross",
        "Units": "1",
    },
    "dispersion_deg": {
        "Description": "Angle of V1 to its axis: arccos of the root of the mean squared cosine",
        "Units": "deg",
    },
    "v1_x": {"Description": "Mean principal direction, along x of the head", "Units": "1"},
    "v1_y": {"Description": "Mean principal direction, along y of the head", "Units": "1"},
    "v1_z": {"Description": "Mean principal direction, along z of the head", "Units": "1"},
    "n_voxels": {
        "Description": "Usable volume in voxels: the sum of their shares in a sphere, the "
        "effective number (Σw)²/Σw² of a weighted region",
        "Units": "1",
    },
    "left_out": {
        "Description": "Part of the region left out: lesion, fluid, or without a tensor",
        "Units": "1",
    },
    "centre_x_mm": {"Description": "Centre in the diffusion images, world x", "Units": "mm"},
    "centre_y_mm": {"Description": "Centre in the diffusion images, world y", "Units": "mm"},
    "centre_z_mm": {"Description": "Centre in the diffusion images, world z", "Units": "mm"},
}


def make_table(findings: AlpsFindings) -> pd.DataFrame:
    """Return all variants, sensitivities and regions, one row each; unknown is NaN."""
    rows = [row for variant in VARIANTS for row in _variant_rows(variant, findings=findings)]
    for radius, values in findings.by_radius.items():
        rows += _index_rows("radius", f"{radius:g}", values)
    for shift, values in findings.by_shift.items():
        rows += _index_rows("shift", " ".join(f"{step:+d}" for step in shift), values)
    rows += [
        {"variant": variant, **_region_row(place, regions=regions, findings=findings)}
        for variant, regions in ((SPHERE, findings.regions), (WEIGHTED, findings.tracts))
        for place in PLACES
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def label_regions(
    findings: AlpsFindings, *, shape: tuple[int, ...]
) -> tuple[NDArray[np.uint8], Volume]:
    """Return labels, (I, J, K), and shares of each sphere, (I, J, K, 4), in the order of `PLACES`.

    Labels count from 1 and mark the voxels of which at least a fifth lies in a sphere: at 3 mm
    none may have a half.
    """
    shares = np.zeros((*shape[:3], len(PLACES)), dtype=np.float32)
    for number, place in enumerate(PLACES):
        sphere = findings.spheres[place]
        shares[(*sphere.voxels.T, number)] = sphere.shares
    labels = np.where(shares.max(axis=-1) >= _LABELLED, shares.argmax(axis=-1) + 1, 0)
    return labels.astype(np.uint8), shares


def _variant_rows(variant: str, *, findings: AlpsFindings) -> list[dict[str, object]]:
    rows = _index_rows("index", variant, findings.indices[variant])
    for row in rows:
        side = str(row["side"])
        low, high = findings.bounds(variant, side) or (None, None)
        row |= {"sd": findings.spread.sd[variant][side], "low": low, "high": high}
    return rows


def _index_rows(analysis: str, variant: str, values: Indices) -> list[dict[str, object]]:
    return [
        {"analysis": analysis, "variant": variant, "side": side, "alps": value}
        for side, value in values.items()
    ]


def _region_row(
    place: Place, *, regions: dict[Place, Region], findings: AlpsFindings
) -> dict[str, object]:
    centre = findings.spheres[place].centre_mm
    row: dict[str, object] = {
        "analysis": "region",
        "side": str(place.side),
        "tract": str(place.tract),
        **{f"centre_{axis}_mm": value for axis, value in zip(_AXES, centre, strict=True)},
    }
    region = regions.get(place)
    if region is None:
        return row | {"n_voxels": 0.0}
    tensor = turn_tensors(region.tensor, rotation=findings.rotation)
    direction = findings.rotation @ region.direction
    direction = direction * np.sign(direction[np.argmax(abs(direction))])
    return row | {
        **{f"d{axis}{axis}": tensor[k, k] for k, axis in enumerate(_AXES)},
        **{f"v1_{axis}": direction[k] for k, axis in enumerate(_AXES)},
        "fa": region.fa,
        "md": region.md,
        "asymmetry": region.asymmetry,
        "dispersion_deg": region.dispersion_deg,
        "n_voxels": region.n_voxels,
        "left_out": region.left_out,
    }


def numbers(findings: AlpsFindings) -> dict[str, float | None]:
    """Return every measure by its name; None where it cannot be known."""
    made = {f"alps_{side}": value for side, value in findings.indices[PRIMARY].items()}
    for variant in VARIANTS[1:]:
        made |= {f"alps_{side}_{variant}": v for side, v in findings.indices[variant].items()}
    made |= _spreads(findings)
    left, right = (made[f"alps_{side}"] for side in Side)
    made["alps_left_minus_right"] = None if left is None or right is None else left - right
    made["alps_radius_change_percent"] = findings.radius_percent
    made["alps_shift_change_percent"] = findings.shift_percent
    made["alps_head_pitch_deg"] = head_angles_deg(findings.rotation)[0]
    for place in PLACES:
        sphere = _region_row(place, regions=findings.regions, findings=findings)
        tract = _region_row(place, regions=findings.tracts, findings=findings)
        made |= {
            f"alps_{name}_{place.name}": _number(sphere.get(name))
            for name in ("dxx", "dyy", "dzz", "fa", "md", "n_voxels", "asymmetry")
        }
        made[f"alps_dispersion_{place.name}_deg"] = _number(sphere.get("dispersion_deg"))
        made[f"alps_tract_voxels_{place.name}"] = _number(tract.get("n_voxels"))
    return made


def _spreads(findings: AlpsFindings) -> dict[str, float | None]:
    """Return deviations and intervals of the primary variant, and deviations of weighted tracts."""
    made = {f"alps_sd_{side}": value for side, value in findings.spread.sd[PRIMARY].items()}
    for side in findings.indices[PRIMARY]:
        low, high = findings.bounds(PRIMARY, side) or (None, None)
        made |= {f"alps_low_{side}": low, f"alps_high_{side}": high}
    tracts = findings.spread.sd[WEIGHTED]
    return made | {f"alps_sd_{side}_{WEIGHTED}": value for side, value in tracts.items()}


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
