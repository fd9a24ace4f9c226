"""Names of brain regions, and their numbers in the app's symmetric atlas."""

from dataclasses import dataclass
from typing import Literal

Tissue = Literal["grey matter", "grey and white matter", "grey matter around a solid core"]
SIDES = ("left", "right")

_GM: Tissue = "grey matter"
_BRAIN: Tissue = "grey and white matter"
_SOLID: Tissue = "grey matter around a solid core"

# AAL's own order; the number of a region is its place, from 1: both sides share it.
_PARCELS = (
    *("precentral", "frontal_sup", "frontal_sup_orb", "frontal_mid", "frontal_mid_orb"),
    *("frontal_inf_oper", "frontal_inf_tri", "frontal_inf_orb", "rolandic_oper"),
    *("supp_motor_area", "olfactory", "frontal_sup_medial", "frontal_med_orb", "rectus"),
    *("insula", "cingulum_ant", "cingulum_mid", "cingulum_post", "hippocampus"),
    *("parahippocampal", "amygdala", "calcarine", "cuneus", "lingual", "occipital_sup"),
    *("occipital_mid", "occipital_inf", "fusiform", "postcentral", "parietal_sup"),
    *("parietal_inf", "supramarginal", "angular", "precuneus", "paracentral_lobule"),
    *("caudate", "putamen", "pallidum", "thalamus", "heschl", "temporal_sup"),
    *("temporal_pole_sup", "temporal_mid", "temporal_pole_mid", "temporal_inf"),
    "cerebellum",
)
DEEP = ("thalamus", "hippocampus", "putamen", "caudate", "pallidum", "amygdala")
# Iron and fibres make these as bright as white matter: the atlas alone draws their border.
_MIXED = ("thalamus", "pallidum", "cerebellum")
# Tissue maps call a part of them white, but there is none deep inside.
_NUCLEI = ("putamen", "caudate", "hippocampus", "amygdala")
_LOBES = {
    "frontal_lobe": (*_PARCELS[:14], "cingulum_ant", "cingulum_mid"),
    "parietal_lobe": ("cingulum_post", *_PARCELS[28:35]),
    "temporal_lobe": ("parahippocampal", "fusiform", *_PARCELS[39:45]),
    "occipital_lobe": _PARCELS[21:27],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region of both sides: its numbers in the atlas, and which tissue counts."""

    name: str
    labels: tuple[int, ...]
    tissue: Tissue

    @property
    def text(self) -> str:
        """The name in words."""
        return spell_out(self.name)


def _parcel(name: str) -> Region:
    tissue = _BRAIN if name in _MIXED else _SOLID if name in _NUCLEI else _GM
    return Region(name=name, labels=(_PARCELS.index(name) + 1,), tissue=tissue)


def _lobe(name: str) -> Region:
    labels = tuple(_PARCELS.index(one) + 1 for one in _LOBES[name])
    return Region(name=name, labels=labels, tissue=_GM)


MAIN_REGIONS = (
    *map(_parcel, (*DEEP, "cerebellum")),
    *map(_lobe, _LOBES),
    _parcel("insula"),
)
PARCELS = tuple(_parcel(name) for name in _PARCELS if name not in (*DEEP, "cerebellum", "insula"))
REGIONS = (*MAIN_REGIONS, *PARCELS)
LATERAL_VENTRICLE = "lateral_ventricle"
RIGHT_LABELS = 100  # added to the numbers of the right side in a person's label image
_WORDS = {
    "sup": "superior",
    "mid": "middle",
    "inf": "inferior",
    "orb": "orbital",
    "oper": "opercular",
    "tri": "triangular",
    "supp": "supplementary",
    "med": "medial",
    "ant": "anterior",
    "post": "posterior",
    "heschl": "Heschl gyrus",
    "cingulum": "cingulate",
    "rectus": "gyrus rectus",
}
_COLOURS = ("#ff5252", "#40c4ff", "#ffd740", "#69f0ae", "#e040fb", "#ff9100", "#b2ff59", "#f48fb1")


def measure_name(region: str, *, side: str) -> str:
    """Return the name of a region's volume as a measure.

    Examples
    --------
    >>> measure_name("thalamus", side="left")
    'region_thalamus_left_ml'
    """
    return f"region_{region}_{side}_ml"


def spell_out(name: str) -> str:
    """Return a region's name in words, parts of gyri in the order of the atlas.

    Examples
    --------
    >>> spell_out("frontal_inf_orb")
    'frontal inferior orbital'
    """
    return " ".join(_WORDS.get(part, part) for part in name.split("_"))


def label_rows() -> tuple[tuple[int, str, str, str], ...]:
    """Return the labels of a person's label image: index, name, abbreviation, colour."""
    return tuple(
        (
            number + (RIGHT_LABELS if side == "right" else 0),
            f"{spell_out(name).title()} {side.title()}",
            f"{name}_{side}",
            _COLOURS[number % len(_COLOURS)],
        )
        for side in SIDES
        for number, name in enumerate(_PARCELS, start=1)
    )


def numbers_of(name: str) -> tuple[int, ...]:
    """Return the labels of a region, both sides, in a person's label image."""
    labels = next(region.labels for region in REGIONS if region.name == name)
    return (*labels, *(label + RIGHT_LABELS for label in labels))
