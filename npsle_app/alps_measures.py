"""The numbers of the stage `alps`: the DTI-ALPS index, its variants and its regions."""

from npsle_app.measure_definition import MeasureDefinition

_TAOKA = "Taoka 2017, doi:10.1007/s11604-017-0617-z"
_FRAME = f"{_TAOKA}; Tatekawa 2023, doi:10.1007/s11604-022-01370-2"
_BOOTSTRAP = "Chung 2006, doi:10.1016/j.neuroimage.2006.07.001"
_BURLES = "Burles 2025, doi:10.3390/neurosci6040101"
_SCRIPT = "gbarisano/alps (alps.sh), https://github.com/gbarisano/alps"
_FORMULA = "(Dxx,proj + Dxx,assoc) / (Dyy,proj + Dzz,assoc)"
_SIDES = {
    "left": ("left side", _FORMULA),
    "right": ("right side", _FORMULA),
    "mean": ("mean of both sides", "(alps_left + alps_right) / 2"),
}


def _define(
    name: str,
    description: str,
    formula: str,
    reference: str,
    *,
    unit: str = "1",
    plausible: tuple[float, float] | None = None,
) -> MeasureDefinition:
    return MeasureDefinition(
        name=name,
        unit=unit,
        stage="alps",
        description=description,
        formula=formula,
        reference=reference,
        plausible=plausible,
    )


_PRIMARY = tuple(
    _define(
        f"alps_{side}",
        f"DTI-ALPS index, {what}: tensors in spheres of 2.5 mm of native diffusion space, turned "
        "to the head's axes (variant rigid_reoriented, the primary one); lesions and fluid left "
        "out",
        formula,
        _FRAME,
        plausible=(1.0, 2.0),
    )
    for side, (what, formula) in _SIDES.items()
)

_VARIANTS = {
    "native_cartesian": (
        "along the scanner's axes: falls with the pitch of the head",
        _TAOKA,
    ),
    "template_no_reorient": (
        "of tensors interpolated to the template by component and not turned, 81 voxels of 1 mm",
        _SCRIPT,
    ),
    "local_frame": (
        "in the frame that the fibres of both regions span; missing if they lie within 30°",
        _BURLES,
    ),
}
_OTHERS = tuple(
    _define(
        f"alps_{side}_{variant}",
        f"DTI-ALPS index, {what}, {how}",
        formula.replace("alps_left", f"alps_left_{variant}").replace(
            "alps_right", f"alps_right_{variant}"
        ),
        reference,
        plausible=(0.8, 2.5),
    )
    for variant, (how, reference) in _VARIANTS.items()
    for side, (what, formula) in _SIDES.items()
)

_SPREAD = (
    *(
        _define(
            f"alps_sd_{side}",
            f"Standard deviation of alps_{side} by the noise of the series: residual bootstrap; "
            "a lower bound, for denoising takes part of the noise away and not its error",
            "deviation over bootstrap samples",
            _BOOTSTRAP,
            plausible=(0.0, 0.15),
        )
        for side in _SIDES
    ),
    _define(
        "alps_left_minus_right",
        "Difference of both sides",
        "alps_left − alps_right",
        _TAOKA,
        plausible=(-0.4, 0.4),
    ),
    _define(
        "alps_radius_change_percent",
        "Largest change of alps_mean with spheres of 2, 3 or 5 mm",
        "100 × max |other / alps_mean − 1|",
        _SCRIPT,
        unit="%",
    ),
    _define(
        "alps_shift_change_percent",
        "Largest change of alps_mean when all spheres move by one voxel along an axis of the image",
        "100 × max |other / alps_mean − 1|",
        _TAOKA,
        unit="%",
    ),
    _define(
        "alps_head_pitch_deg",
        "Pitch of the head in the diffusion images against the template; positive with the chin up",
        "rotation about x in the finite strain of the linear map to the template",
        "Alexander 2001, doi:10.1109/42.963816",
        unit="°",
        plausible=(-20.0, 20.0),
    ),
)

_OF_REGIONS = {
    "dxx": ("Mean Dxx along the head's axes", "Σ w Dxx / Σ w", "mm²/s", (0.2e-3, 1.5e-3), _FRAME),
    "dyy": ("Mean Dyy along the head's axes", "Σ w Dyy / Σ w", "mm²/s", (0.2e-3, 2.0e-3), _FRAME),
    "dzz": ("Mean Dzz along the head's axes", "Σ w Dzz / Σ w", "mm²/s", (0.2e-3, 2.0e-3), _FRAME),
    "fa": (
        "Mean fractional anisotropy",
        "Σ w FA / Σ w",
        "1",
        (0.25, 0.9),
        "Basser 1996, doi:10.1006/jmrb.1996.0086",
    ),
    "md": ("Mean diffusivity", "Σ w (trace / 3) / Σ w", "mm²/s", (0.5e-3, 1.1e-3), _TAOKA),
    "n_voxels": (
        "Usable volume of the sphere, in voxels of the diffusion images",
        "Σ w",
        "1",
        None,
        _TAOKA,
    ),
}
_REGIONS = tuple(
    _define(
        f"alps_{name}_{tract}_{side}",
        f"{what}, {tract} region, {side}; w is the share of each voxel in the sphere",
        formula,
        reference,
        unit=unit,
        plausible=plausible,
    )
    for side in ("left", "right")
    for tract in ("projection", "association")
    for name, (what, formula, unit, plausible, reference) in _OF_REGIONS.items()
)

ALPS = (*_PRIMARY, *_OTHERS, *_SPREAD, *_REGIONS)
