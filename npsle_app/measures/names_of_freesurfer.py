"""Names of what FreeSurfer, FastSurfer and SynthSeg measure, and those of the app for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from npsle_app.measures.names_of_regions import SIDES

PREFIX = "fs_"
ETIV = "fs_etiv_ml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A structure: the app's name for it, its name in words, and that of the programs' tables."""

    name: str
    text: str
    given: str


# Structures of both sides, as `aseg.stats` calls them after `Left-` and `Right-`.
PAIRED = (
    Structure(name="thalamus", text="thalamus", given="Thalamus-Proper"),
    Structure(name="caudate", text="caudate", given="Caudate"),
    Structure(name="putamen", text="putamen", given="Putamen"),
    Structure(name="pallidum", text="pallidum", given="Pallidum"),
    Structure(name="hippocampus", text="hippocampus", given="Hippocampus"),
    Structure(name="amygdala", text="amygdala", given="Amygdala"),
    Structure(name="cerebellum_cortex", text="cerebellar cortex", given="Cerebellum-Cortex"),
    Structure(name="accumbens", text="nucleus accumbens", given="Accumbens-area"),
    Structure(name="ventral_dc", text="ventral diencephalon", given="VentralDC"),
    Structure(
        name="cerebellum_white_matter",
        text="cerebellar white matter",
        given="Cerebellum-White-Matter",
    ),
    Structure(name="lateral_ventricle", text="lateral ventricle", given="Lateral-Ventricle"),
    Structure(
        name="inferior_lateral_ventricle",
        text="temporal horn of the lateral ventricle",
        given="Inf-Lat-Vent",
    ),
    Structure(name="choroid_plexus", text="choroid plexus", given="choroid-plexus"),
    Structure(name="vessel", text="vessel in the putamen", given="vessel"),
)
SINGLE = (
    Structure(name="brain_stem", text="brainstem", given="Brain-Stem"),
    Structure(name="third_ventricle", text="third ventricle", given="3rd-Ventricle"),
    Structure(name="fourth_ventricle", text="fourth ventricle", given="4th-Ventricle"),
    Structure(name="csf", text="fluid between the hemispheres", given="CSF"),
)
# Sums that a header tells, under their second name there.
SUMS = (
    Structure(name="subcortical_grey", text="subcortical grey matter", given="SubCortGrayVol"),
    Structure(name="total_grey", text="grey matter", given="TotalGrayVol"),
    Structure(name="supratentorial", text="supratentorial volume", given="SupraTentorialVol"),
    Structure(
        name="supratentorial_without_ventricles",
        text="supratentorial volume without ventricles",
        given="SupraTentorialVolNotVent",
    ),
)
_DESIKAN = {
    "bankssts": "banks of the superior temporal sulcus",
    "caudalanteriorcingulate": "caudal anterior cingulate",
    "caudalmiddlefrontal": "caudal middle frontal",
    "cuneus": "cuneus",
    "entorhinal": "entorhinal",
    "fusiform": "fusiform",
    "inferiorparietal": "inferior parietal",
    "inferiortemporal": "inferior temporal",
    "isthmuscingulate": "isthmus of the cingulate",
    "lateraloccipital": "lateral occipital",
    "lateralorbitofrontal": "lateral orbitofrontal",
    "lingual": "lingual",
    "medialorbitofrontal": "medial orbitofrontal",
    "middletemporal": "middle temporal",
    "parahippocampal": "parahippocampal",
    "paracentral": "paracentral",
    "parsopercularis": "pars opercularis",
    "parsorbitalis": "pars orbitalis",
    "parstriangularis": "pars triangularis",
    "pericalcarine": "pericalcarine",
    "postcentral": "postcentral",
    "posteriorcingulate": "posterior cingulate",
    "precentral": "precentral",
    "precuneus": "precuneus",
    "rostralanteriorcingulate": "rostral anterior cingulate",
    "rostralmiddlefrontal": "rostral middle frontal",
    "superiorfrontal": "superior frontal",
    "superiorparietal": "superior parietal",
    "superiortemporal": "superior temporal",
    "supramarginal": "supramarginal",
    "frontalpole": "frontal pole",
    "temporalpole": "temporal pole",
    "transversetemporal": "transverse temporal",
    "insula": "insula",
}
DESIKAN = tuple(
    Structure(name=name, text=text, given=name) for name, text in _DESIKAN.items()
)  # the 34 gyri of each side (Desikan 2006)
_SUBCORTICAL_OF_PAPER = PAIRED[:7]
_TISSUE = (*PAIRED[:10], *SINGLE[:1])
_FLUID = (*PAIRED[10:13], *SINGLE[1:])


def volume_name(name: str, *, side: str = "") -> str:
    """Return the measure of a volume.

    Examples
    --------
    >>> volume_name("thalamus", side="left")
    'fs_thalamus_left_ml'
    >>> volume_name("brain_stem")
    'fs_brain_stem_ml'
    """
    return "_".join(filter(None, (f"{PREFIX}{name}", side, "ml")))


def thickness_name(name: str, *, side: str) -> str:
    """Return the measure of a cortical thickness.

    Examples
    --------
    >>> thickness_name("insula", side="left")
    'fs_insula_thickness_left_mm'
    """
    return f"{PREFIX}{name}_thickness_{side}_mm"


def _both_sides(structures: tuple[Structure, ...]) -> tuple[str, ...]:
    paired = {one.name for one in (*PAIRED, *DESIKAN)}
    return tuple(
        volume_name(one.name, side=side)
        for one in structures
        for side in (SIDES if one.name in paired else ("",))
    )


def _name_given() -> dict[str, str]:
    """Return the measure of each volume by the name that `aseg.stats` gives it."""
    paired = {
        f"{side.title()}-{one.given}": volume_name(one.name, side=side)
        for one in PAIRED
        for side in SIDES
    }
    single = {one.given: volume_name(one.name) for one in (*SINGLE, *SUMS)}
    return paired | single | {"EstimatedTotalIntraCranialVol": ETIV}


VOLUMES_GIVEN: Mapping[str, str] = _name_given()
VOLUMES_OF_ASEG = _both_sides((*PAIRED, *SINGLE))
CORTICAL_VOLUMES = _both_sides(DESIKAN)
CORTICAL_THICKNESSES = tuple(
    thickness_name(one.name, side=side) for one in DESIKAN for side in SIDES
)
# The 82 regions of Korbmacher 2026: 68 of the cortex, 14 below it.
REGIONS_OF_PAPER = (*_both_sides(_SUBCORTICAL_OF_PAPER), *CORTICAL_VOLUMES)
# Tissue that does not overlap: what a count of small volumes can be of.
TISSUE = _both_sides(_TISSUE)
FLUID = _both_sides(_FLUID)  # the greater, the less brain


def say_volume(measure: str) -> str:
    """Write a measure as readers call the structure.

    Examples
    --------
    >>> say_volume("fs_thalamus_left_ml")
    'thalamus, left'
    >>> say_volume("fs_brain_stem_ml")
    'brain stem'
    """
    bare = measure.removeprefix(PREFIX).removesuffix("_ml").removesuffix("_mm")
    name, _, side = bare.rpartition("_")
    return f"{name.replace('_', ' ')}, {side}" if side in SIDES else bare.replace("_", " ")
