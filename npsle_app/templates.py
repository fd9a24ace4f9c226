"""Where template and atlas images come from: packages and this package, never the network."""

import hashlib
import os
import sys
from enum import Enum
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib

from npsle_app.resources import DATA

_MRICRON_FOLDERS = (
    Path("/usr/share/mricron/templates"),
    Path(sys.prefix) / "share" / "mricron" / "templates",
)
_INSTALL = "install Debian's mricron-data, or set NPSLE_APP_TEMPLATES to its templates folder"


class Template(Enum):
    """An image in the space MNI152NLin2009aSym, unless its comment says otherwise."""

    T1 = "nilearn:mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"  # 1 mm, brain only
    GM = "nilearn:mni_icbm152_gm_tal_nlin_sym_09a_converted.nii.gz"
    WM = "nilearn:mni_icbm152_wm_tal_nlin_sym_09a_converted.nii.gz"
    HEAD = "package:head.nii.gz"  # 2 mm, the MNI152 brain in the head of Colin27
    INTRACRANIAL = "package:intracranial.nii.gz"  # 2 mm, 0-255
    BRAIN = "package:brain.nii.gz"  # 2 mm, 0-255
    DEEP_GM = "package:deep_gm.nii.gz"  # 2 mm, 0-255
    VENTRICLES = "package:ventricles.nii.gz"  # 2 mm, 0-255
    LATERAL_VENTRICLE_ZONE = "package:lateral_ventricle_zone.nii.gz"  # 2 mm; 128 temporal horns
    LOBES = "package:lobes.nii.gz"  # 2 mm, labels: frontal to infratentorial, 1-6 left, 7-12 right
    REGIONS = "package:regions.nii.gz"  # 1 mm, numbers of names_of_regions, the same on both sides
    WMH_PRIOR = "package:wmh_prior.nii.gz"  # 2 mm, 0-255 for frequencies from 0 to 1
    FLAIR_NORMAL = "package:flair_normal.nii.gz"  # 2 mm, thousandths of grey matter over white
    FLAIR_SPREAD = "package:flair_spread.nii.gz"  # 2 mm, its deviation over people
    COLIN27 = "mricron:ch2.nii.gz"  # 1 mm, space of Colin27
    COLIN27_BRAIN = "mricron:ch2bet.nii.gz"  # 1 mm, the same without skull
    AAL = "mricron:aal.nii.gz"  # 1 mm, space of Colin27
    JHU = "mricron:JHU-WhiteMatter-labels-1mm.nii.gz"


def locate(template: Template) -> Path:
    """Return the file of a template; raise FileNotFoundError that says what to install."""
    source, _, name = template.value.partition(":")
    for folder in _folders(source):
        if (folder / name).is_file():
            return folder / name
    msg = f"the template {name} was not found: {_INSTALL if source == 'mricron' else source}"
    raise FileNotFoundError(msg)


def load(template: Template) -> nib.Nifti1Image:
    """Open a template."""
    return nib.Nifti1Image.from_filename(locate(template))


@cache
def digest(template: Template) -> str:
    """SHA-256 of a template's file, for the sidecars."""
    return hashlib.sha256(locate(template).read_bytes()).hexdigest()


def _folders(source: str) -> tuple[Path, ...]:
    if source == "package":
        return (DATA,)
    if source == "nilearn":  # found, not imported: importing nilearn takes seconds
        spec = find_spec("nilearn")
        places = spec.submodule_search_locations if spec else None
        return tuple(Path(place) / "datasets" / "data" for place in places or ())
    chosen = os.environ.get("NPSLE_APP_TEMPLATES")
    return (Path(chosen), *_MRICRON_FOLDERS) if chosen else _MRICRON_FOLDERS
