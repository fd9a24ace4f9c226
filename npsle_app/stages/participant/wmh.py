"""Find white-matter hyperintensities and measure them."""

from dataclasses import dataclass
from pathlib import Path

from npsle_app.bids.scans import Scan
from npsle_app.bids.writer import Writer
from npsle_app.settings import WmhSettings
from npsle_app.stages.participant.anat import AnatOutputs


@dataclass(frozen=True, slots=True, kw_only=True)
class WmhOutputs:
    """Maps on the T1w grid."""

    flair: Path
    flair_to_t1w: Path
    probability: Path
    mask: Path
    record: Path
    figures: tuple[Path, ...]


def run(*, flair: Scan, anat: AnatOutputs, settings: WmhSettings, out: Writer) -> WmhOutputs:
    """Find the lesions and measure them."""
    raise NotImplementedError
