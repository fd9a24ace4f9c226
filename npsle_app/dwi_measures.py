"""The numbers of the stage `dwi`: how good a diffusion series is."""

from npsle_app.measure_definition import MeasureDefinition

_POWER = "Power 2012, doi:10.1016/j.neuroimage.2011.10.018"
_ANDERSSON = "Andersson 2016, doi:10.1016/j.neuroimage.2016.06.058"
_VERAART = "Veraart 2016, doi:10.1016/j.neuroimage.2016.08.016"
_JONES = "Jones 2004, doi:10.1002/mrm.20033"


def _define(
    name: str,
    unit: str,
    description: str,
    formula: str,
    reference: str,
    plausible: tuple[float, float],
) -> MeasureDefinition:
    return MeasureDefinition(
        name=name,
        unit=unit,
        stage="dwi",
        description=description,
        formula=formula,
        reference=reference,
        plausible=plausible,
    )


DWI = (
    _define(
        "dwi_fd_mean_mm",
        "mm",
        "Mean framewise displacement of the diffusion series",
        "mean of Σ|Δ shift| + 50 mm × Σ|Δ rotation| between volumes, shifts by eddy currents aside",
        _POWER,
        (0, 3),
    ),
    _define(
        "dwi_fd_max_mm",
        "mm",
        "Greatest framewise displacement of the diffusion series",
        "maximum of the same",
        _POWER,
        (0, 20),
    ),
    _define(
        "dwi_dropped_slices_percent",
        "%",
        "Slices of weighted volumes that lost their signal",
        "slices that lie four robust standard deviations and 10 % below the prediction of a tensor "
        "from the other volumes, of all slices that hold brain",
        _ANDERSSON,
        (0, 50),
    ),
    _define(
        "dwi_b0_snr",
        "1",
        "Signal-to-noise ratio without diffusion weighting",
        "median over the brain of mean b 0 signal / standard deviation of the noise",
        _VERAART,
        (5, 100),
    ),
    _define(
        "dwi_directions_count",
        "1",
        "Gradient directions that the tensor is fitted to",
        "directions more than 5° apart, opposite ones counted once",
        _JONES,
        (6, 256),
    ),
    _define(
        "dwi_b_s_per_mm2",
        "s/mm²",
        "Mean b-value of the shells that the tensor is fitted to",
        "mean over the weighted volumes used",
        _JONES,
        (600, 2000),
    ),
)
