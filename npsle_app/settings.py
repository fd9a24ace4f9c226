"""Every number a user may change, with its unit in its name.

One frozen section per stage; a stage is handed its own section and no other.
"""

from dataclasses import dataclass, field

from npsle_app.measures.names_of_vessels import ARTERIES

TAILS = ("lower", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatSettings:
    """How the T1w image is corrected, registered and stripped."""

    random_seed: int = 20260101
    bias_sampling_mm: float = 6.0
    bias_spline_mm: float = 200.0
    affine_sampling_mm: float = 5.0
    warp_sampling_mm: float = 2.0
    warp_iterations: tuple[int, ...] = (40, 20, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class WmhSettings:
    """How white-matter hyperintensities are found."""

    random_seed: int = 20260101
    bias_sampling_mm: float = 6.0
    bias_spline_mm: float = 200.0
    threshold: float = 0.2
    min_lesion_mm3: float = 9.0

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            msg = f"the WMH threshold must lie between 0 and 1, got {self.threshold}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSettings:
    """How lesions of two sessions are compared.

    `significance_sd` is how many standard deviations of normal-appearing white matter the
    brightness of FLAIR must have changed by; `shift_mm` is the displacement that registration
    and partial volume may leave, one standard deviation of it.
    """

    random_seed: int = 20260101
    significance_sd: float = 2.0
    min_change_mm3: float = 15.0
    shift_mm: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FillingSettings:
    """How lesions are filled in the T1w image."""

    max_passes: int = 200
    csf_sd: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueSettings:
    """How tissue is told apart."""

    prior_weight: float = 0.5
    mrf_weight: float = 0.1
    iterations: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionsSettings:
    """How regional volumes are measured; the seed serves registration to the session before."""

    random_seed: int = 20260101


@dataclass(frozen=True, slots=True, kw_only=True)
class DwiSettings:
    """Which steps prepare a diffusion series, and how the tensor is fitted."""

    random_seed: int = 20260101
    denoise: bool = True
    remove_gibbs_ringing: bool = True
    align_volumes: bool = True
    correct_distortion: bool = True
    correct_bias: bool = True
    replace_outlier_slices: bool = True
    robust_tensor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpsSettings:
    """Where the DTI-ALPS index is measured.

    A voxel is left out of a region if more than `excluded_share` of it is lesion, or fluid.
    """

    random_seed: int = 20260101
    radius_mm: float = 2.5
    excluded_share: float = 0.1
    bootstrap_samples: int = 200

    def __post_init__(self) -> None:
        if not self.radius_mm > 0 or self.bootstrap_samples < 2:
            msg = (
                "the DTI-ALPS index needs a radius above 0 and at least 2 bootstrap samples, got "
                f"{self.radius_mm} mm and {self.bootstrap_samples}"
            )
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class VesselWallSettings:
    """How vessels are found and measured.

    `psf_fwhm_voxels` is the expected width of the scanner's point spread beside the voxel's own
    box; each vessel's own fit is weighed against it.
    Of the arteries in `sought` (M1, ICA, BA, V4), those without masks or landmarks are searched.
    """

    random_seed: int = 20260101
    psf_fwhm_voxels: float = 0.6
    sought: tuple[str, ...] = ARTERIES

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.sought) - set(ARTERIES)):
            msg = f"sought names {unknown}; what can be searched is {list(ARTERIES)}"
            raise ValueError(msg)
        if not 0 <= self.psf_fwhm_voxels <= 2:
            msg = (
                "the point spread must have a width of 0 to 2 voxels, got "
                f"psf_fwhm_voxels = {self.psf_fwhm_voxels}"
            )
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionsSettings:
    """How the lesions of the map are told apart.

    `status_min_ml` is the volume from which lesions count as present: as much as the map may
    falsely find in a brain that has none.
    """

    status_min_ml: float = 0.3

    def __post_init__(self) -> None:
        if not self.status_min_ml > 0:
            msg = f"the volume that counts as lesions must be above 0, got {self.status_min_ml}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuresSettings:
    """How the group level gathers the measures (nothing to choose so far)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsSettings:
    """Which questions the group level asks: those of a study file, else those of the papers.

    `random_seed` serves multiple imputation.
    """

    study_file: str = ""
    random_seed: int = 20260101


@dataclass(frozen=True, slots=True, kw_only=True)
class NormativeSettings:
    """By which reference people are scored, and what counts as a deviation.

    Without `reference_file` the study's own controls make the reference. `tail` is `lower`
    (z < −1.96) or `both`. A foreign reference is refused, or labelled with `allow_foreign`.
    """

    study_file: str = ""
    reference_file: str = ""
    tail: str = "lower"
    allow_foreign: bool = False
    random_seed: int = 20260101
    permutations: int = 9999
    bootstrap_samples: int = 200

    def __post_init__(self) -> None:
        if self.tail not in TAILS:
            msg = f"the tail {self.tail!r} is none of {list(TAILS)}"
            raise ValueError(msg)
        if self.permutations < 1 or self.bootstrap_samples < 0:
            msg = (
                "normative modelling needs at least 1 permutation and 0 bootstrap samples, got "
                f"{self.permutations} and {self.bootstrap_samples}"
            )
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierSettings:
    """How often the classifier is fitted, on how many processes, or which model is applied.

    From `large_from` participants on, a fifth of the repeats is made: so many participants
    vary little, and cost much.
    """

    study_file: str = ""
    model_file: str = ""
    random_seed: int = 20260101
    repeats: int = 20
    bootstrap_samples: int = 500
    permutations: int = 1000
    permutation_repeats: int = 2
    large_from: int = 1000
    processes: int = 1

    def __post_init__(self) -> None:
        least = min(self.repeats, self.permutation_repeats, self.processes)
        if least < 1 or self.bootstrap_samples < 2 or self.permutations < 0:
            msg = (
                "the classifier needs at least 1 repeat, 1 process, 2 bootstrap samples and 0 "
                f"permutations, got {self.repeats}, {self.processes}, {self.bootstrap_samples} "
                f"and {self.permutations}"
            )
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationsSettings:
    """On how many processes the pictures of each participant's deviations are drawn."""

    processes: int = 1

    def __post_init__(self) -> None:
        if self.processes < 1:
            msg = f"deviations need at least 1 process, got {self.processes}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All sections, one per stage of the plan, under the stage's name."""

    anat: AnatSettings = field(default_factory=AnatSettings)
    wmh: WmhSettings = field(default_factory=WmhSettings)
    change: ChangeSettings = field(default_factory=ChangeSettings)
    filling: FillingSettings = field(default_factory=FillingSettings)
    tissue: TissueSettings = field(default_factory=TissueSettings)
    regions: RegionsSettings = field(default_factory=RegionsSettings)
    lesions: LesionsSettings = field(default_factory=LesionsSettings)
    dwi: DwiSettings = field(default_factory=DwiSettings)
    alps: AlpsSettings = field(default_factory=AlpsSettings)
    vessel_wall: VesselWallSettings = field(default_factory=VesselWallSettings)
    measures: MeasuresSettings = field(default_factory=MeasuresSettings)
    statistics: StatisticsSettings = field(default_factory=StatisticsSettings)
    normative: NormativeSettings = field(default_factory=NormativeSettings)
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    deviations: DeviationsSettings = field(default_factory=DeviationsSettings)
