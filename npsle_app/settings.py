"""Every number a user may change, with its unit in its name and its limits beside it.

One frozen section per stage; a stage is handed its own section and no other. No section can be
made with a value outside its limits.
"""

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from npsle_app.decoding import STRICT
from npsle_app.measures.names_of_vessels import ARTERIES

_MOST_LEVELS = 6
Tail = Literal["lower", "both"]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]  # as ITK takes it
Processes = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(gt=0, lt=1)]
_SamplingMm = Annotated[float, Field(ge=1, le=20)]
_ViewerMm = Annotated[float, Field(ge=0.5, le=4)]
_SplineMm = Annotated[float, Field(ge=100, le=1000)]  # shorter ones flatten the contrast of tissue
_Iterations = Annotated[int, Field(ge=0, le=1000)]
_Bootstrap = Annotated[int, Field(ge=2, le=100_000)]
_Repeats = Annotated[int, Field(ge=1, le=1000)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AnatSettings:
    """How the T1w image is corrected, registered and stripped."""

    random_seed: Seed = 20260101
    bias_sampling_mm: _SamplingMm = 6.0
    bias_spline_mm: _SplineMm = 200.0
    affine_sampling_mm: _SamplingMm = 5.0
    warp_sampling_mm: _SamplingMm = 2.0
    warp_iterations: tuple[_Iterations, ...] = (40, 20, 2)

    def __post_init__(self) -> None:
        if not 1 <= len(self.warp_iterations) <= _MOST_LEVELS:
            msg = f"warp_iterations has 1 to {_MOST_LEVELS} levels, got {self.warp_iterations}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class WmhSettings:
    """How white-matter hyperintensities are found."""

    random_seed: Seed = 20260101
    bias_sampling_mm: _SamplingMm = 6.0
    bias_spline_mm: _SplineMm = 200.0
    threshold: Probability = 0.2
    min_lesion_mm3: Annotated[float, Field(ge=0, le=1000)] = 9.0


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ChangeSettings:
    """How lesions of two sessions are compared.

    `significance_sd` is how many standard deviations of normal-appearing white matter the
    brightness of FLAIR must have changed by; `shift_mm` is the displacement that registration
    and partial volume may leave, one standard deviation of it.
    """

    random_seed: Seed = 20260101
    significance_sd: Annotated[float, Field(gt=0, le=100)] = 2.0
    min_change_mm3: Annotated[float, Field(ge=0, le=10_000)] = 15.0
    shift_mm: Annotated[float, Field(ge=0, le=10)] = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class FillingSettings:
    """How lesions are filled in the T1w image."""

    max_passes: Annotated[int, Field(ge=1, le=10_000)] = 200
    csf_sd: Annotated[float, Field(ge=0, le=10)] = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class TissueSettings:
    """How tissue is told apart."""

    prior_weight: Annotated[float, Field(ge=0, le=10)] = 0.3
    mrf_weight: Annotated[float, Field(ge=0, le=10)] = 0.8
    iterations: Annotated[int, Field(ge=1, le=1000)] = 12


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RegionsSettings:
    """How regional volumes are measured; the seed serves registration to the session before."""

    random_seed: Seed = 20260101


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class FreesurferSettings:
    """How volumes of other programs are imported (nothing to choose so far)."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class DwiSettings:
    """Which steps prepare a diffusion series, and how the tensor is fitted."""

    random_seed: Seed = 20260101
    denoise: bool = True
    remove_gibbs_ringing: bool = True
    align_volumes: bool = True
    correct_distortion: bool = True
    correct_bias: bool = True
    replace_outlier_slices: bool = True
    correct_gradient_offset: bool = True
    robust_tensor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AlpsSettings:
    """Where the DTI-ALPS index is measured.

    A voxel is left out of a region if more than `excluded_share` of it is lesion, or fluid.
    """

    random_seed: Seed = 20260101
    radius_mm: Annotated[float, Field(gt=0, le=20)] = 2.5
    excluded_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    bootstrap_samples: _Bootstrap = 200


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class VesselWallSettings:
    """How vessels are found and measured.

    `psf_fwhm_voxels` is the expected width of the scanner's point spread beside the voxel's own
    box; each vessel's own fit is weighed against it.
    Of the arteries in `sought` (M1, ICA, BA, V4), those without masks or landmarks are searched.
    """

    random_seed: Seed = 20260101
    psf_fwhm_voxels: Annotated[float, Field(ge=0, le=2)] = 0.6
    sought: tuple[str, ...] = ARTERIES

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.sought) - set(ARTERIES)):
            msg = f"sought names {unknown}; what can be searched is {list(ARTERIES)}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class LesionsSettings:
    """How the lesions of the map are told apart.

    `status_min_ml` is the volume from which lesions count as present: as much as the map may
    falsely find in a brain that has none.
    """

    status_min_ml: Annotated[float, Field(gt=0, le=1000)] = 0.3


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OverviewSettings:
    """How fine the viewer on the page is; finer cubes make a larger page."""

    viewer_voxel_mm: _ViewerMm = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class MeasuresSettings:
    """How the group level gathers the measures (nothing to choose so far)."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class StatisticsSettings:
    """Which questions the group level asks: those of a study file, else those of the papers.

    `random_seed` serves multiple imputation.
    """

    study_file: str = ""
    random_seed: Seed = 20260101


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class NormativeSettings:
    """By which reference people are scored, and what counts as a deviation.

    Without `reference_file` the study's own controls make the reference. `tail` is `lower`
    (z < −1.96) or `both`. A foreign reference is refused, or labelled with `allow_foreign`.
    """

    study_file: str = ""
    reference_file: str = ""
    tail: Tail = "lower"
    allow_foreign: bool = False
    random_seed: Seed = 20260101
    permutations: Annotated[int, Field(ge=1, le=1_000_000)] = 9999
    bootstrap_samples: Annotated[int, Field(ge=0, le=100_000)] = 200


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PopulationSettings:
    """By what imported volumes are scored, and what counts as a deviation.

    `reference_file` is empty or `population` (the one that comes with the app), `own` (the
    study's controls), or a JSON file of a population; what is none of these is a reference of the
    app's own regions, and the population that comes with the app is taken.
    """

    study_file: str = ""
    reference_file: str = ""
    tail: Tail = "lower"
    random_seed: Seed = 20260101
    permutations: Annotated[int, Field(ge=1, le=1_000_000)] = 9999
    bootstrap_samples: Annotated[int, Field(ge=0, le=100_000)] = 200


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ClassifierSettings:
    """How often the classifier is fitted, on how many processes, or which model is applied.

    From `large_from` participants on, a fifth of the repeats is made: so many participants
    vary little, and cost much.
    """

    study_file: str = ""
    model_file: str = ""
    random_seed: Seed = 20260101
    repeats: _Repeats = 20
    bootstrap_samples: _Bootstrap = 500
    permutations: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    permutation_repeats: _Repeats = 2
    large_from: Annotated[int, Field(ge=1)] = 1000
    processes: Processes = 1


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class DeviationsSettings:
    """On how many processes the pictures of each participant's deviations are drawn."""

    processes: Processes = 1


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Settings:
    """All sections, one per stage of the plan, under the stage's name."""

    anat: AnatSettings = field(default_factory=AnatSettings)
    wmh: WmhSettings = field(default_factory=WmhSettings)
    change: ChangeSettings = field(default_factory=ChangeSettings)
    filling: FillingSettings = field(default_factory=FillingSettings)
    tissue: TissueSettings = field(default_factory=TissueSettings)
    regions: RegionsSettings = field(default_factory=RegionsSettings)
    freesurfer: FreesurferSettings = field(default_factory=FreesurferSettings)
    lesions: LesionsSettings = field(default_factory=LesionsSettings)
    dwi: DwiSettings = field(default_factory=DwiSettings)
    alps: AlpsSettings = field(default_factory=AlpsSettings)
    vessel_wall: VesselWallSettings = field(default_factory=VesselWallSettings)
    overview: OverviewSettings = field(default_factory=OverviewSettings)
    measures: MeasuresSettings = field(default_factory=MeasuresSettings)
    statistics: StatisticsSettings = field(default_factory=StatisticsSettings)
    normative: NormativeSettings = field(default_factory=NormativeSettings)
    population: PopulationSettings = field(default_factory=PopulationSettings)
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    deviations: DeviationsSettings = field(default_factory=DeviationsSettings)
