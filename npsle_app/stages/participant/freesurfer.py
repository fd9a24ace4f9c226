"""Import the volumes and thicknesses that FreeSurfer, FastSurfer or SynthSeg measured."""

from dataclasses import dataclass
from pathlib import Path

from npsle_app.bids.freesurfer.folders import read_imported, tell_source
from npsle_app.bids.freesurfer.tables import (
    FASTSURFER,
    FREESURFER,
    SYNTHSEG,
    UNKNOWN,
    Imported,
)
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.reader import read_record
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.tissue.imported import (
    check_complete,
    check_sides,
    check_surfaces,
    check_tiv,
)
from npsle_app.measures import MEASURES
from npsle_app.measures.names_of_freesurfer import (
    CORTICAL_THICKNESSES,
    CORTICAL_VOLUMES,
    ETIV,
    FLUID,
    PREFIX,
    TISSUE,
)
from npsle_app.records import Check, Record, worst
from npsle_app.settings import FreesurferSettings
from npsle_app.stages.participant.shared import inheriting, measured
from npsle_app.stages.participant.tissue import TissueOutputs

_IMPORTED = tuple(name for name in MEASURES if name.startswith(PREFIX))
_WORKS = {
    FREESURFER: ("fischl2002", "desikan2006", "buckner2004"),
    FASTSURFER: ("henschel2020", "fischl2002"),
    SYNTHSEG: ("billot2023",),
}
_METHODS = (
    "Regional volumes{cortex} were taken from the tables of {software}{version}; they are "
    "measures of their own and were not mixed with those of npsle_app."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreesurferOutputs:
    """The record alone: the numbers stay where the program left them."""

    record: Path
    figures: tuple[Path, ...] = ()


# The app's own intracranial volume is compared with, not taken: what is imported stands alone.
@inheriting(**dict.fromkeys(_IMPORTED, ()))
def run(
    *, freesurfer: Scan, tissue: TissueOutputs | None, settings: FreesurferSettings, out: Writer
) -> FreesurferOutputs:
    """Read the tables of a session, check them, and hand on each number under its own name."""
    del settings  # nothing to choose so far
    imported = read_imported(freesurfer, unit=out.id)
    checks = _check(imported, own_tiv_ml=_own_tiv_ml(tissue, out=out))
    expected = _expected(imported)
    names = [name for name in _IMPORTED if name in {*imported.volumes, *expected}]
    version = "" if imported.version == UNKNOWN else f" {imported.version}"
    record = Record(
        stage="freesurfer",
        methods=_METHODS.format(
            cortex=" and cortical thicknesses" if "thickness" in " ".join(names) else "",
            software=imported.software,
            version=version or " (of unknown version)",
        ),
        citations=_WORKS[imported.software],
        measures=measured(
            # 0 is a structure that was not found, not one of no size
            {name: imported.volumes.get(name) or None for name in names},
            qc=worst([check.state for check in checks]),
            sources=(freesurfer.path, *freesurfer.tables),
        ),
        checks=checks,
        choices=(f"{tell_source(freesurfer)}.",),
        software=f"{imported.software}{version}",
    )
    return FreesurferOutputs(record=out.record(record))


def _check(imported: Imported, *, own_tiv_ml: float | None) -> tuple[Check, ...]:
    volumes = imported.volumes
    return (
        check_complete(volumes, expected=_expected(imported)),
        check_sides(volumes, cortex_ml=imported.cortex_ml),
        check_tiv(volumes.get(ETIV), own_ml=own_tiv_ml),
        *((check_surfaces(imported.holes),) if imported.holes else ()),
    )


def _expected(imported: Imported) -> tuple[str, ...]:
    """Return what the tables should hold: all of the cortex where they hold any of it."""
    fluid = FLUID
    if imported.software == SYNTHSEG:  # it has no label of the plexus and another one of CSF
        fluid = tuple(name for name in FLUID if "choroid" not in name and "csf" not in name)
    kinds = (CORTICAL_VOLUMES, CORTICAL_THICKNESSES)
    cortex = [
        name for kind in kinds if any(one in imported.volumes for one in kind) for name in kind
    ]
    return (ETIV, *TISSUE, *fluid, *cortex)


def _own_tiv_ml(tissue: TissueOutputs | None, *, out: Writer) -> float | None:
    if tissue is None:
        return None
    record = read_record(tissue.record, root=out.root, datasets=out.datasets)
    return next((one.value for one in record.measures if one.name == "tiv_ml"), None)
