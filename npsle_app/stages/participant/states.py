"""What the checks of earlier stages said of the images that a stage is handed."""

from pathlib import Path

from npsle_app.bids.output.reader import read_record
from npsle_app.bids.output.writer import Writer
from npsle_app.records import Qc, worst


def state_before(*records: Path, out: Writer) -> Qc:
    """Return the worst state of all checks in these records."""
    read = (read_record(path, root=out.root, datasets=out.datasets) for path in records)
    return worst([check.state for record in read for check in record.checks])
