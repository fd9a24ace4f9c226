"""Tell grey matter, white matter and fluid apart and measure them."""

from dataclasses import dataclass
from pathlib import Path

from npsle_app.bids.writer import Writer
from npsle_app.settings import TissueSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.filling import FillingOutputs
from npsle_app.stages.participant.wmh import WmhOutputs


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueOutputs:
    """Tissue maps on the T1w grid."""

    labels: Path
    gm: Path
    wm: Path
    csf: Path
    record: Path
    figures: tuple[Path, ...]


def run(
    *,
    anat: AnatOutputs,
    wmh: WmhOutputs | None,
    filling: FillingOutputs | None,
    settings: TissueSettings,
    out: Writer,
) -> TissueOutputs:
    """Segment the tissue; without FLAIR, on the unfilled image."""
    raise NotImplementedError
