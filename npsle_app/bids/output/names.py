"""Every file the app writes, one line each."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, TypeAlias

from npsle_app.group_tables import group_files, owner_of

TEMPLATE_SPACE = "MNI152NLin2009aSym"


@dataclass(frozen=True)
class FileName:
    """Where a file goes and what its sidecar always says.

    `tail` follows the entities of the scan that the file is made from:
    `sub-01_ses-1` + `_` + `desc-preproc_T1w.nii.gz`. In it `<vessel>` stands for the side and
    the label of a vessel: `hemi-L_label-M1`.
    """

    folder: str
    tail: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


_LESION_MASK = {"Type": "Lesion"}
_WITH_SKULL = {"SkullStripped": False}  # a stage that was given a stripped image says otherwise
_T1W_SPACE = {"SpatialReference": "the T1w image of the same session (desc-preproc_T1w)"}
_FLAIR_SPACE = {"SpatialReference": "the FLAIR image of the same session (desc-preproc_FLAIR)"}
_HALFWAY = {
    "SpatialReference": "half-way between the T1w images (desc-preproc_T1w) of this session and "
    "the one before, on cubes of their mean voxel size"
}
_FITTED = {"SkullStripped": True}
_TENSOR = {
    "Units": "mm2/s",
    "Components": ["Dxx", "Dxy", "Dxz", "Dyy", "Dyz", "Dzz"],
    "ReferenceAxes": "world: x to the right, y to the front, z up",
}
_COLOURS = {"Channels": ["right-left", "front-back", "up-down"]}
_VESSEL = {
    "Type": "ROI",
    "SpatialReference": "the vessel-wall image as it was acquired",
}
_ALPS = {"LabelMap": ["ProjLeft", "AssocLeft", "ProjRight", "AssocRight"]}
_TEMPLATE = {
    "SpatialReference": f"the template image of {TEMPLATE_SPACE} that the app registers to"
}


class File(Enum):
    """The files of one session."""

    T1W = FileName("anat", "desc-preproc_T1w.nii.gz", _WITH_SKULL)
    BRAIN_MASK = FileName("anat", "desc-brain_mask.nii.gz", {"Type": "Brain"})
    INTRACRANIAL_MASK = FileName("anat", "desc-intracranial_mask.nii.gz", {"Type": "ROI"})
    T1W_IN_TEMPLATE = FileName(
        "anat", f"space-{TEMPLATE_SPACE}_desc-preproc_T1w.nii.gz", _WITH_SKULL | _TEMPLATE
    )
    T1W_TO_TEMPLATE = FileName("anat", f"from-T1w_to-{TEMPLATE_SPACE}_mode-image_xfm.nii.gz")
    TEMPLATE_TO_T1W = FileName("anat", f"from-{TEMPLATE_SPACE}_to-T1w_mode-image_xfm.nii.gz")
    TEMPLATE_TO_LATER_T1W = FileName(
        "anat", f"from-{TEMPLATE_SPACE}_to-T1w_desc-viaearlier_mode-image_xfm.nii.gz"
    )
    FLAIR = FileName("anat", "space-T1w_desc-preproc_FLAIR.nii.gz", _WITH_SKULL | _T1W_SPACE)
    FLAIR_TO_T1W = FileName("anat", "from-FLAIR_to-T1w_mode-image_xfm.txt")
    WMH_PROBABILITY = FileName("anat", "space-T1w_label-L_desc-wmh_probseg.nii.gz", _T1W_SPACE)
    WMH_MASK = FileName("anat", "space-T1w_label-L_desc-wmh_mask.nii.gz", _LESION_MASK | _T1W_SPACE)
    WMH_READING = FileName("anat", "space-T1w_seg-wmhreading_dseg.nii.gz", _T1W_SPACE)
    FLAIR_ALONE = FileName("anat", "desc-preproc_FLAIR.nii.gz", _WITH_SKULL)
    FLAIR_BRAIN_MASK = FileName(
        "anat", "space-FLAIR_desc-brain_mask.nii.gz", {"Type": "Brain"} | _FLAIR_SPACE
    )
    FLAIR_INTRACRANIAL_MASK = FileName(
        "anat", "space-FLAIR_desc-intracranial_mask.nii.gz", {"Type": "ROI"} | _FLAIR_SPACE
    )
    FLAIR_IN_TEMPLATE = FileName(
        "anat", f"space-{TEMPLATE_SPACE}_desc-preproc_FLAIR.nii.gz", _WITH_SKULL | _TEMPLATE
    )
    FLAIR_TO_TEMPLATE = FileName("anat", f"from-FLAIR_to-{TEMPLATE_SPACE}_mode-image_xfm.nii.gz")
    TEMPLATE_TO_FLAIR = FileName("anat", f"from-{TEMPLATE_SPACE}_to-FLAIR_mode-image_xfm.nii.gz")
    WMH_PROBABILITY_ALONE = FileName(
        "anat", "space-FLAIR_label-L_desc-wmh_probseg.nii.gz", _FLAIR_SPACE
    )
    WMH_MASK_ALONE = FileName(
        "anat", "space-FLAIR_label-L_desc-wmh_mask.nii.gz", _LESION_MASK | _FLAIR_SPACE
    )
    EARLIER_FLAIR = FileName(
        "anat", "space-halfway_desc-earlier_FLAIR.nii.gz", _WITH_SKULL | _HALFWAY
    )
    LATER_FLAIR = FileName("anat", "space-halfway_desc-later_FLAIR.nii.gz", _WITH_SKULL | _HALFWAY)
    EARLIER_TO_HALFWAY = FileName("anat", "from-earlierT1w_to-halfway_mode-image_xfm.txt")
    LATER_TO_HALFWAY = FileName("anat", "from-T1w_to-halfway_mode-image_xfm.txt")
    WMH_CHANGE = FileName("anat", "space-halfway_seg-wmhchange_dseg.nii.gz", _HALFWAY)
    FILLED_T1W = FileName("anat", "desc-lesionfilled_T1w.nii.gz", _WITH_SKULL)
    TISSUE_LABELS = FileName("anat", "seg-tissue_dseg.nii.gz")
    GM = FileName("anat", "label-GM_probseg.nii.gz")
    WM = FileName("anat", "label-WM_probseg.nii.gz")
    CSF = FileName("anat", "label-CSF_probseg.nii.gz")
    LATERAL_VENTRICLES = FileName("anat", "desc-lateralventricles_mask.nii.gz", {"Type": "ROI"})
    WMH_REGIONS = FileName("anat", "space-T1w_seg-wmhregions_dseg.nii.gz", _T1W_SPACE)
    BRAIN_REGIONS = FileName("anat", "seg-aal_dseg.nii.gz")
    DWI = FileName("dwi", "desc-preproc_dwi.nii.gz", {"SkullStripped": False})
    DWI_B0 = FileName("dwi", "desc-b0_dwimap.nii.gz", {"SkullStripped": False})
    DWI_BRAIN_MASK = FileName("dwi", "desc-brain_mask.nii.gz", {"Type": "Brain"})
    DWI_TENSOR = FileName("dwi", "model-tensor_param-tensor_dwimap.nii.gz", _TENSOR)
    DWI_FA = FileName("dwi", "FA.nii.gz", _FITTED)
    DWI_ADC = FileName("dwi", "ADC.nii.gz", {"Units": "mm2/s"} | _FITTED)
    DWI_COLOUR_FA = FileName("dwi", "colFA.nii.gz", _COLOURS | _FITTED)
    DWI_TRACE = FileName("dwi", "trace.nii.gz", _FITTED)
    DWI_TO_T1W = FileName("dwi", "from-dwi_to-T1w_mode-image_xfm.txt")
    DWI_DISPLACEMENT = FileName("dwi", "desc-displacement_dwimap.nii.gz", {"Units": "mm"})
    DWI_NOISE = FileName("dwi", "desc-noise_dwimap.nii.gz", {"SkullStripped": True})
    DWI_MOTION = FileName("dwi", "desc-motion_timeseries.tsv")
    ALPS_REGIONS = FileName("dwi", "seg-alps_dseg.nii.gz")
    ALPS_SHARES = FileName("dwi", "seg-alps_probseg.nii.gz", _ALPS)
    ALPS = FileName("", "alps.tsv")
    VESSEL_LUMEN = FileName("anat", "<vessel>_desc-lumen_mask.nii.gz", _VESSEL)
    VESSEL_OUTER = FileName("anat", "<vessel>_desc-outerwall_mask.nii.gz", _VESSEL)
    VESSEL_LINE = FileName("anat", "<vessel>_desc-centerline_points.tsv")
    VWI_TO_T1W = FileName("anat", "from-vwi_to-T1w_mode-image_xfm.txt")
    VESSELS = FileName("", "vessels.tsv")
    VESSEL_SECTIONS = FileName("", "vesselsections.tsv")
    LESIONS = FileName("", "lesions.tsv")
    DEVIATIONS = FileName("", "deviations.tsv")
    POPULATION = FileName("", "population.tsv")
    MEASURES = FileName("", "measures.tsv")


class ReadingFile(Enum):
    """The files of one session that a reading leaves, in a dataset of its own."""

    WMH_REMOVED = FileName(
        "anat", "space-T1w_label-L_desc-wmhremoved_mask.nii.gz", _LESION_MASK | _T1W_SPACE
    )
    WMH_WHOLE = FileName(
        "anat", "space-T1w_label-L_desc-wmh_mask.nii.gz", _LESION_MASK | _T1W_SPACE
    )
    VESSELS_REJECTED = FileName("anat", "desc-rejected_vessels.json")


@dataclass(frozen=True)
class VesselFile:
    """A file of one vessel, told by its entities: `hemi-L_label-M1`."""

    file: File
    vessel: str

    @property
    def value(self) -> FileName:
        """Its name, with the vessel in its place."""
        name = self.file.value
        return replace(name, tail=name.tail.replace("<vessel>", self.vessel))


MEASURES_DIGEST = "MeasuresSHA256"  # in sidecars of what was made from a session's measures

AnyFile: TypeAlias = File | ReadingFile | VesselFile


# Labels of `seg-tissue_dseg.nii.gz`: index, name, abbreviation, colour.
TISSUES = (
    (1, "Gray Matter", "GM", "#8c8c8c"),
    (2, "White Matter", "WM", "#f2f2f2"),
    (3, "Cerebrospinal Fluid", "CSF", "#3b6fb6"),
)

# Labels of `seg-wmhchange_dseg.nii.gz`.
WMH_CHANGES = (
    (1, "Stable Lesion", "stable", "#b388ff"),
    (2, "New Lesion", "new", "#ff5252"),
    (3, "Enlargement of a Lesion", "enlarged", "#ffd740"),
    (4, "Shrinkage of a Lesion", "shrunken", "#40c4ff"),
    (5, "Resolved Lesion", "resolved", "#69f0ae"),
)

# Labels of `seg-wmhreading_dseg.nii.gz`.
WMH_READINGS = (
    (1, "Lesion that Stayed", "kept", "#b388ff"),
    (2, "Lesion that a Reading Added", "added", "#69f0ae"),
    (3, "Lesion that a Reading Removed", "removed", "#ff5252"),
)

# Labels of `seg-wmhregions_dseg.nii.gz`.
WMH_REGIONS = (
    (1, "Periventricular Lesion", "periventricular", "#ff5252"),
    (2, "Confluent Lesion", "confluent", "#40c4ff"),
    (3, "Juxtacortical Lesion", "juxtacortical", "#ffd740"),
    (4, "Infratentorial Lesion", "infratentorial", "#69f0ae"),
    (5, "Subcortical Lesion", "subcortical", "#e040fb"),
)

# Labels of `seg-alps_dseg.nii.gz`.
ALPS_REGIONS = (
    (1, "Projection Fibres Left", "ProjLeft", "#448aff"),
    (2, "Association Fibres Left", "AssocLeft", "#69f0ae"),
    (3, "Projection Fibres Right", "ProjRight", "#448aff"),
    (4, "Association Fibres Right", "AssocRight", "#69f0ae"),
)

DESCRIPTIONS = {
    "viaearlier": "transform by way of the session before, so that regions stay where they were",
    "earlier": "image of the session before, resampled half-way to this one",
    "later": "image of this session, resampled half-way to the one before",
    "preproc": "bias-corrected image; FLAIR also resampled to the grid of T1w, if there is one; "
    "diffusion series also without noise, ringing, motion and distortion",
    "brain": "brain: grey and white matter, ventricles and sulci enclosed by them",
    "intracranial": "all inside the inner table of the skull, the space of TIV",
    "lateralventricles": "lateral ventricles, without thin parts of the temporal horns",
    "b0": "mean of the volumes without diffusion weighting, corrected",
    "noise": "what denoising took away from the volumes that the tensor is fitted to",
    "displacement": "how far signal was shifted along the phase-encoding axis",
    "motion": "motion of the head from volume to volume, and slices that lost their signal",
    "lumen": "lumen of a vessel",
    "outerwall": "a vessel within its outer wall: lumen and wall",
    "centerline": "points along the middle of a vessel's lumen",
    "wmh": "white-matter hyperintensities",
    "lesionfilled": "lesions replaced by the intensity of white matter around them",
}

BIDSIGNORE = (
    "*.html",
    "log",
    "figures",
    "group",
    "qc",
    "*_xfm.*",
    "*_measures.*",
    "*_population.*",
    "*_lesions.*",
    "*_alps.*",
    "*_vessels.*",
    "*_vesselsections.*",
    "*_deviations.*",
    "*_points.*",
    "*_desc-lumen_mask.*",
    "*_desc-outerwall_mask.*",
    "*_dwi.bval",
    "*_dwi.bvec",
    "*_dwimap.*",
    "*_timeseries.*",
)


GROUP_FIGURES = "group/figures"  # an SVG and a PDF of each
GROUP_TABLES = "group/tables"  # LaTeX and HTML of each table that the page shows


class GroupFile(Enum):
    """The files of the whole study; `data/group_tables.toml` says whose and what they are."""

    OUTLIERS = "outliers"
    ANALYSIS_FRAME = "analysis_frame"
    EXCLUSIONS = "exclusions"
    ENTERING = "entering"
    TABLE1 = "table1"
    TABLE1_TESTS = "table1_tests"
    GROUP_DESCRIPTION = "group_description"
    KRUSKAL_WALLIS = "kruskal_wallis"
    DUNN = "dunn"
    ANCOVA = "ancova"
    ADJUSTED_MEANS = "adjusted_means"
    ADJUSTED_PAIRS = "adjusted_pairs"
    OUTCOMES = "outcomes"
    MARKERS = "markers"
    MARKER_PAIRS = "marker_pairs"
    CHANGE = "change"
    NEXT_STUDY = "next_study"
    AGREEMENT = "agreement"
    READER_JUDGEMENTS = "reader_judgements"
    READER_VOLUMES = "reader_volumes"
    READER_THRESHOLDS = "reader_thresholds"
    MEDIATION = "mediation"
    MATCHED_DIFFERENCES = "matched_differences"
    MATCHED_BALANCE = "matched_balance"
    MATCHED_PAIRS = "matched_pairs"
    COMBAT = "combat"
    COMBAT_CONTRASTS = "combat_contrasts"
    COMBAT_VALUES = "combat_values"
    CORRELATIONS = "correlations"
    REGRESSIONS = "regressions"
    POWER = "power"
    STATISTICS = "statistics"
    NORMATIVE = "normative"
    NORMATIVE_MODEL = "normative_model"
    NORMATIVE_REFERENCE = "normative_reference"
    NORMATIVE_SCORES = "normative_scores"
    NORMATIVE_SEXES = "normative_sexes"
    NORMATIVE_OUTLIERS = "normative_outliers"
    DEVIATION_COUNTS = "deviation_counts"
    DEVIATION_GROUPS = "deviation_groups"
    DEVIATION_COMPARISONS = "deviation_comparisons"
    DEVIATION_PREVALENCE = "deviation_prevalence"
    DEVIATION_ASSOCIATIONS = "deviation_associations"
    DEVIATION_TRANSITIONS = "deviation_transitions"
    RISK_GROUPS = "risk_groups"
    SURVIVAL = "survival"
    SURVIVAL_TESTS = "survival_tests"
    COX = "cox"
    POPULATION = "population"
    POPULATION_SCORES = "population_scores"
    POPULATION_OWN_SCORES = "population_own_scores"
    POPULATION_SITES = "population_sites"
    POPULATION_NORMATIVE_SEXES = "population_normative_sexes"
    POPULATION_NORMATIVE_OUTLIERS = "population_normative_outliers"
    POPULATION_DEVIATION_COUNTS = "population_deviation_counts"
    POPULATION_DEVIATION_GROUPS = "population_deviation_groups"
    POPULATION_DEVIATION_COMPARISONS = "population_deviation_comparisons"
    POPULATION_DEVIATION_PREVALENCE = "population_deviation_prevalence"
    POPULATION_DEVIATION_ASSOCIATIONS = "population_deviation_associations"
    POPULATION_DEVIATION_TRANSITIONS = "population_deviation_transitions"
    POPULATION_RISK_GROUPS = "population_risk_groups"
    POPULATION_SURVIVAL = "population_survival"
    POPULATION_SURVIVAL_TESTS = "population_survival_tests"
    POPULATION_COX = "population_cox"
    CLASSIFIER = "classifier"
    CLASSIFIER_MODEL = "classifier_model"
    CLASSIFIER_PERFORMANCE = "classifier_performance"
    CLASSIFIER_COEFFICIENTS = "classifier_coefficients"
    CLASSIFIER_ALTERNATIVES = "classifier_alternatives"
    CLASSIFIER_SUBGROUPS = "classifier_subgroups"
    CLASSIFIER_LEAKS = "classifier_leaks"
    CLASSIFIER_ROC = "classifier_roc"
    CLASSIFIER_CALIBRATION = "classifier_calibration"
    CLASSIFIER_DECISION = "classifier_decision"
    CLASSIFIER_PREDICTIONS = "classifier_predictions"
    CLASSIFIER_CHECKLIST = "classifier_checklist"
    CLASSIFIER_APPLIED = "classifier_applied"

    @property
    def stage(self) -> str:
        """The stage that writes it, and alone may take it away."""
        return owner_of(self.value)

    @property
    def path(self) -> str:
        """Where the file goes, from the root of the output."""
        return group_files()[self.stage].paths[self.value]
