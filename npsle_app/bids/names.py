"""Every file the app writes, one line each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

TEMPLATE_SPACE = "MNI152NLin2009aSym"


@dataclass(frozen=True)
class FileName:
    """Where a file goes and what its sidecar always says.

    `tail` follows the entities of the scan that the file is made from:
    `sub-01_ses-1` + `_` + `desc-preproc_T1w.nii.gz`.
    """

    folder: str
    tail: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


_LESION_MASK = {"Type": "Lesion"}
_WITH_SKULL = {"SkullStripped": False}  # a stage that was given a stripped image says otherwise
_T1W_SPACE = {"SpatialReference": "the T1w image of the same session (desc-preproc_T1w)"}
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
    FLAIR = FileName("anat", "space-T1w_desc-preproc_FLAIR.nii.gz", _WITH_SKULL | _T1W_SPACE)
    FLAIR_TO_T1W = FileName("anat", "from-FLAIR_to-T1w_mode-image_xfm.txt")
    WMH_PROBABILITY = FileName("anat", "space-T1w_label-L_desc-wmh_probseg.nii.gz", _T1W_SPACE)
    WMH_MASK = FileName("anat", "space-T1w_label-L_desc-wmh_mask.nii.gz", _LESION_MASK | _T1W_SPACE)
    FILLED_T1W = FileName("anat", "desc-lesionfilled_T1w.nii.gz", _WITH_SKULL)
    TISSUE_LABELS = FileName("anat", "seg-tissue_dseg.nii.gz")
    GM = FileName("anat", "label-GM_probseg.nii.gz")
    WM = FileName("anat", "label-WM_probseg.nii.gz")
    CSF = FileName("anat", "label-CSF_probseg.nii.gz")
    MEASURES = FileName("", "measures.tsv")


# Labels of `seg-tissue_dseg.nii.gz`: index, name, abbreviation, colour.
TISSUES = (
    (1, "Gray Matter", "GM", "#8c8c8c"),
    (2, "White Matter", "WM", "#f2f2f2"),
    (3, "Cerebrospinal Fluid", "CSF", "#3b6fb6"),
)

DESCRIPTIONS = {
    "preproc": "bias-corrected image; for FLAIR also resampled to the T1w grid",
    "brain": "brain: grey and white matter, ventricles and sulci enclosed by them",
    "intracranial": "all inside the inner table of the skull, the space of TIV",
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
    "*_dwi.bval",
    "*_dwi.bvec",
)
