"""How far regional volumes of an unchanged synthetic person move from one session to the next.

    python benchmarks/sessions.py --participants 2 [--keep FOLDER]

Each person is scanned twice (T1w, 1 mm): the head lies otherwise, noise and coil are drawn anew,
nothing else changes. The change in z takes the spread of healthy people, in per cent of the
volume, from the residuals of 546 scans of adults (FreeSurfer volumes by age, sex and intracranial
volume, `benchmarks/normative.py --table`).
"""

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd

from npsle_app.__main__ import main as run_app
from npsle_app.bids.output.writer import write_json
from npsle_app.measures.names_of_regions import SIDES, measure_name
from npsle_app.phantom.head.image_files import write_image
from npsle_app.phantom.participant import Request, make_participant

SPREAD_PERCENT = {
    "thalamus": 7.1,
    "hippocampus": 7.7,
    "putamen": 8.7,
    "caudate": 10.3,
    "pallidum": 9.2,
    "amygdala": 10.9,
    "cerebellum": 9.3,
    "lateral_ventricle": 41.0,
}
LARGEST_CHANGE_Z = 0.1


def write_visits(folder: Path, *, participants: int) -> None:
    """Write a dataset of unchanged people."""
    for index in range(1, participants + 1):
        for session in (1, 2):
            person = make_participant(Request(index, seed=0, session=session, lesion_ml=1.0))
            stem = f"sub-{index:02d}_ses-{session}_T1w"
            place = folder / f"sub-{index:02d}" / f"ses-{session}" / "anat"
            write_image(place / f"{stem}.nii.gz", person.t1w)
            write_json(place / f"{stem}.json", {"Modality": "MR"})
    described = {"Name": "Unchanged", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
    write_json(folder / "dataset_description.json", described)


def compare(out: Path) -> pd.DataFrame:
    """Return the change of each region in per cent and in z."""
    rows = []
    for first in sorted(out.glob("sub-*/ses-1/*_measures.tsv")):
        later = Path(str(first).replace("ses-1", "ses-2"))
        one, two = (pd.read_csv(p, sep="\t", index_col="measure").value for p in (first, later))
        for region, spread in SPREAD_PERCENT.items():
            for side in SIDES:
                name = measure_name(region, side=side)
                change = 100 * (float(two[name]) / float(one[name]) - 1)
                person = first.parts[-3]
                rows.append((person, f"{region} {side}", change, change / spread))
    return pd.DataFrame(rows, columns=["participant", "region", "change_percent", "change_z"])


def run(folder: Path, *, participants: int) -> int:
    raw, out = folder / "bids", folder / "out"
    if not raw.exists():
        write_visits(raw, participants=participants)
    if run_app([str(raw), str(out), "participant", "--skip-bids-validation"]):
        return 1
    table = compare(out)
    print(table.to_string(index=False, float_format="{:.2f}".format))
    beyond = table[table["change_z"].abs() >= LARGEST_CHANGE_Z]
    print(f"{len(beyond)} of {len(table)} at or beyond {LARGEST_CHANGE_Z}")
    return int(len(beyond) > 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--participants", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="work here, and reuse what is there")
    options = parser.parse_args()
    if options.keep:
        return run(options.keep, participants=options.participants)
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), participants=options.participants)


if __name__ == "__main__":
    sys.exit(main())
