"""The DTI-ALPS index of real heads, from the scan to the number."""

import json

import pandas as pd
import pytest

from npsle_app.bids.input.scans import Scan
from npsle_app.bids.input.sidecars import read_metadata
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.alps.rois import PLACES
from npsle_app.imaging.alps.variants import SPHERE, WEIGHTED
from npsle_app.settings import AlpsSettings, AnatSettings, DwiSettings
from npsle_app.stages.participant import alps, anat, dwi

pytestmark = pytest.mark.exhaustive

CANON = {
    "ortho_dir-AP": ("ortho_dir-PA",),
    "ortho_dir-PA": ("ortho_dir-AP",),
    "axial20_dir-PA": (),
}


def scan(path, *, reverse=()):
    tables = tuple(path.with_name(path.name.replace(".nii.gz", end)) for end in (".bval", ".bvec"))
    return Scan(
        path,
        read_metadata(path),
        tables=tables if tables[0].is_file() else (),
        reverse=tuple(reverse),
    )


def measure(series, *, head, out):
    made = dwi.run(dwi=series, anat=head, settings=DwiSettings(), out=out)
    return alps.run(dwi=made, anat=head, wmh=None, tissue=None, settings=AlpsSettings(), out=out)


def values(outputs):
    record = json.loads(outputs.record.read_text())
    return {one["name"]: one["value"] for one in record["measures"]}


def test_a_head_with_t1w_has_fibres_as_expected_and_an_index_of_1_1_to_1_8(shared_data, tmp_path):
    raw = shared_data / "bids"
    folder, out = raw / "sub-philips01", Writer(tmp_path, "philips01", None, {"raw": raw})
    t1w = scan(folder / "anat" / "sub-philips01_T1w.nii.gz")
    head = anat.run(t1w=t1w, brain_mask=None, settings=AnatSettings(), out=out)
    found = measure(scan(folder / "dwi" / "sub-philips01_dwi.nii.gz"), head=head, out=out)
    table = pd.read_csv(found.table, sep="\t")
    regions = table[table["analysis"] == "region"].set_index(["variant", "tract", "side"])
    within_30_deg = 0.866
    for variant in (SPHERE, WEIGHTED):
        own = regions.loc[variant]
        assert len(own) == len(PLACES)
        assert own["fa"].min() > 0.4
        assert own.loc["projection", "v1_z"].abs().min() > within_30_deg
        assert own.loc["association", "v1_y"].abs().min() > within_30_deg
    numbers = values(found)
    for side in ("left", "right"):
        assert 1.1 < numbers[f"alps_{side}"] < 1.8
        assert 1.1 < numbers[f"alps_{side}_{WEIGHTED}"] < 1.8
    assert numbers["alps_mean"] == pytest.approx(1.47, abs=0.05)


def test_three_prescriptions_of_one_head_agree_within_5_per_cent(shared_data, tmp_path):
    """Slices turned by 20° and both phase encodings; diffusion images alone, 3 mm."""
    raw = shared_data / "bids"
    folder = raw / "sub-canon01" / "dwi"
    runs = {name: scan(folder / f"sub-canon01_acq-{name}_dwi.nii.gz") for name in CANON}
    found = []
    for name, reverse in CANON.items():
        series = scan(runs[name].path, reverse=[runs[other] for other in reverse])
        out = Writer(tmp_path / name, "canon01", None, {"raw": raw})
        found.append(values(measure(series, head=None, out=out))["alps_mean"])
    assert max(found) / min(found) < 1.05
