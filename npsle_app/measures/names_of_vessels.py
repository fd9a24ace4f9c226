"""How vessels are called, in tables, names of files and measures, and when a wall shows."""

import re
from dataclasses import dataclass

MAX_VOXEL_MM = 0.8  # longer edges do not show a wall
PAIRED, SINGLE = ("M1", "ICA", "V4"), ("BA",)
_LABEL = re.compile(r"[A-Za-z0-9]{1,16}")
_SIDES = {"L": "left", "R": "right", None: "middle"}
_LONG = {
    "M1": "M1 segment of the middle cerebral artery",
    "ICA": "intracranial internal carotid artery (C6-C7)",
    "BA": "basilar artery",
    "V4": "V4 segment of the vertebral artery",
}


@dataclass(frozen=True, slots=True, order=True)
class VesselName:
    """A vessel: its label (`M1`) and its side, left, right or middle."""

    label: str
    side: str

    @property
    def text(self) -> str:
        """`M1 left`; the label alone where there is one vessel of it."""
        return self.label if self.side == "middle" else f"{self.label} {self.side}"

    @property
    def long_text(self) -> str:
        """The same in full where the label is known."""
        long = _LONG.get(self.label, self.label)
        return long if self.side == "middle" else f"{long}, {self.side}"

    @property
    def entities(self) -> str:
        """`hemi-L_label-M1`, for the names of files."""
        hemi = "" if self.side == "middle" else f"hemi-{self.side[0].upper()}_"
        return f"{hemi}label-{self.label}"

    @property
    def measure(self) -> str:
        """`vw_m1_left`, what the names of its measures begin with."""
        side = "" if self.side == "middle" else f"_{self.side}"
        return f"vw_{self.label.lower()}{side}"


ARTERIES = ("M1", "ICA", "BA", "V4")
# Those that are sought without landmarks and have measures of their own.
STANDARD = (
    *(VesselName(label, side) for label in ("M1", "ICA") for side in ("left", "right")),
    VesselName("BA", "middle"),
    *(VesselName("V4", side) for side in ("left", "right")),
)


def vessel_name(label: str | None, *, hemi: str | None) -> VesselName:
    """Check a vessel's label and side.

    Raises
    ------
    ValueError
        If the label is not made of letters and digits, or the side is missing where there are
        two such vessels, or told where there is one.

    Examples
    --------
    >>> vessel_name("m1", hemi="L").entities
    'hemi-L_label-M1'
    """
    if label is None or not _LABEL.fullmatch(label) or hemi not in _SIDES:
        msg = f"no vessel is called {label!r} on side {hemi!r}: write for example M1 and L or R"
        raise ValueError(msg)
    label = label.upper() if label.upper() in (*PAIRED, *SINGLE) else label
    if label in PAIRED and hemi is None:
        msg = f"{label} is there on two sides: say which, L or R"
        raise ValueError(msg)
    if label in SINGLE and hemi is not None:
        msg = f"{label} lies in the middle: leave its side out"
        raise ValueError(msg)
    return VesselName(label, _SIDES[hemi])
