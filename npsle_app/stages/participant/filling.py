"""Fill lesions in the T1w image, so that they do not count as grey matter."""

from dataclasses import dataclass
from pathlib import Path

from npsle_app.bids.writer import Writer
from npsle_app.settings import FillingSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.wmh import WmhOutputs


@dataclass(frozen=True, slots=True, kw_only=True)
class FillingOutputs:
    """The filled image, on the T1w grid."""

    t1w: Path
    record: Path
    figures: tuple[Path, ...]


def run(
    *, anat: AnatOutputs, wmh: WmhOutputs, settings: FillingSettings, out: Writer
) -> FillingOutputs:
    """Fill the lesions."""
    raise NotImplementedError
