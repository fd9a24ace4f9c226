"""What of a session can be judged: its scans and maps, and what falls with each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from npsle_app.bids.output.names import File
from npsle_app.pipeline import PARTICIPANT

Kind = Literal["session", "scan", "map"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that a reader judges.

    `bases` are the images that show it, the first that is there counts; `overlay` is drawn on
    them. Its checks and figures are those of the stages `shown_by`. What is excluded with it are
    the stages `rests_on_it` and all that need them.
    """

    name: str
    label: str
    kind: Kind
    shown_by: tuple[str, ...]
    bases: tuple[File, ...] = ()
    overlay: File | None = None
    rests_on_it: tuple[str, ...] = ()

    @property
    def excluded(self) -> tuple[str, ...]:
        """The stages whose numbers are not used once it is excluded; none of the session."""
        return stages_needing(self.rests_on_it)


SESSION = "session"
LESIONS = "lesions"
VESSELS = "vessels"
ALPS = "alps"

ITEMS = (
    Item(
        name=SESSION,
        label="Session",
        kind="session",
        shown_by=tuple(stage.name for stage in PARTICIPANT),
        bases=(File.T1W, File.FLAIR_ALONE, File.DWI_B0),
    ),
    Item(
        name="t1w",
        label="T1w",
        kind="scan",
        shown_by=("anat",),
        bases=(File.T1W,),
        overlay=File.BRAIN_MASK,
        rests_on_it=("anat",),
    ),
    Item(
        name="flair",
        label="FLAIR",
        kind="scan",
        shown_by=("wmh", "anat_flair"),
        bases=(File.FLAIR, File.FLAIR_ALONE),
        rests_on_it=("wmh", "anat_flair"),
    ),
    Item(
        name="dwi",
        label="Diffusion",
        kind="scan",
        shown_by=("dwi",),
        bases=(File.DWI_FA, File.DWI_B0),
        rests_on_it=("dwi",),
    ),
    Item(
        name=LESIONS,
        label="Lesions",
        kind="map",
        shown_by=("wmh", "wmh_flair"),
        bases=(File.FLAIR, File.FLAIR_ALONE, File.T1W),
        overlay=File.WMH_MASK,
        rests_on_it=("wmh", "wmh_flair"),
    ),
    Item(
        name="tissue",
        label="Tissues",
        kind="map",
        shown_by=("tissue",),
        bases=(File.T1W,),
        overlay=File.TISSUE_LABELS,
        rests_on_it=("tissue",),
    ),
    Item(
        name="regions",
        label="Regions",
        kind="map",
        shown_by=("regions",),
        bases=(File.T1W,),
        overlay=File.BRAIN_REGIONS,
        rests_on_it=("regions",),
    ),
    Item(
        name=ALPS,
        label="ALPS",
        kind="map",
        shown_by=("alps",),
        bases=(File.DWI_COLOUR_FA, File.DWI_FA),
        overlay=File.ALPS_REGIONS,
        rests_on_it=("alps",),
    ),
    Item(
        name=VESSELS,
        label="Vessels",
        kind="map",
        shown_by=("vessel_wall",),
        rests_on_it=("vessel_wall",),
    ),
)
BY_NAME = {item.name: item for item in ITEMS}


def stages_needing(first: Iterable[str]) -> tuple[str, ...]:
    """Name stages and all that cannot be without them, in the order of the plan.

    A stage that uses another if it is there stays: brain volumes exist without FLAIR.

    Examples
    --------
    >>> stages_needing(["dwi"])
    ('dwi', 'alps')
    """
    fallen: list[str] = []
    for stage in PARTICIPANT:
        if stage.name in first or set(stage.needs) & set(fallen):
            fallen.append(stage.name)
    return tuple(fallen)
