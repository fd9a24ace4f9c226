"""Correct, register and strip the T1w image."""

from dataclasses import dataclass
from pathlib import Path

from npsle_app.bids.scans import Scan
from npsle_app.bids.writer import Writer
from npsle_app.settings import AnatSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatOutputs:
    """What the other stages build on; masks and T1w share one grid."""

    t1w: Path
    brain_mask: Path
    intracranial_mask: Path | None  # None where the scan was already brain-extracted
    t1w_to_template: Path  # dense displacement field, ITK convention, on the template grid
    template_to_t1w: Path  # the inverse, over the T1w field of view
    record: Path
    figures: tuple[Path, ...]


def run(*, t1w: Scan, settings: AnatSettings, out: Writer) -> AnatOutputs:
    """Make the T1w image ready."""
    raise NotImplementedError
