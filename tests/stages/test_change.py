"""What the change stage writes and says, on a small head with a lesion that comes."""

import json
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.scans import Scan, Visit
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.space import halfway
from npsle_app.records import Record
from npsle_app.settings import ChangeSettings
from npsle_app.stages.participant import change
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.stages.participant.wmh import WmhOutputs
from tests.stages.small_head import distance, save

OLD, FRESH = (22, 22, 35), (34, 22, 22)


@dataclass
class Session:
    """What the stage is handed of one session."""

    visit: Visit
    flair: Scan
    anat: AnatOutputs
    wmh: WmhOutputs
    tissue: TissueOutputs

    def named(self, prefix=""):
        return {f"{prefix}{name}": value for name, value in vars(self).items()}


def make(root: Path, label: str, rng, *spots, acquired=None, metadata=None) -> Session:
    folder = root / f"out/sub-01/ses-{label}/anat"
    brain = distance((22, 22, 22)) <= 19
    lesions = np.any([distance(spot) <= 3 for spot in spots], axis=0)
    fluid = distance((22, 22, 22)) <= 7
    flair = np.where(fluid, 25, 85 + 50 * lesions) + rng.normal(0, 3, brain.shape)
    flair = np.where(brain, flair, 0)
    paths = {
        name: save(data.astype(kind), folder / f"sub-01_ses-{label}_{name}.nii.gz")
        for name, data, kind in (
            ("desc-preproc_T1w", 130 * brain, np.float32),
            ("space-T1w_desc-preproc_FLAIR", flair, np.float32),
            ("label-L_desc-wmh_mask", lesions, np.uint8),
            ("label-WM_probseg", brain & ~fluid, np.float32),
            ("desc-brain_mask", brain, np.uint8),
        )
    }
    t1w, seen, mask, wm, whole = paths.values()
    record = Writer(root=root / "out", participant="01", session=label).record(
        Record(stage="anat", methods="", citations=())
    )
    rest, report = folder / "none.nii.gz", {"record": record, "figures": ()}
    raw = root / f"raw/sub-01/ses-{label}/anat/sub-01_ses-{label}_FLAIR.nii.gz"
    return Session(
        visit=Visit(label, acquired),
        flair=Scan(save(flair.astype(np.float32), raw), metadata or {}),
        anat=AnatOutputs(
            t1w=t1w, brain_mask=whole, intracranial_mask=None, t1w_in_template=rest,
            t1w_to_template=rest, template_to_t1w=rest, **report,
        ),
        wmh=WmhOutputs(
            flair=seen, flair_to_t1w=rest, probability=None, mask=mask, threshold=0.2,
            min_lesion_mm3=9.0, **report,
        ),
        tissue=TissueOutputs(labels=rest, gm=rest, wm=wm, csf=rest, ventricles=rest, **report),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def no_registration(monkeypatch):
    monkeypatch.setattr(halfway, "register_rigid", lambda *_, **__: np.eye(4))


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes most of a small session's time."""
    monkeypatch.setattr(change, "_draw", lambda *_, **__: ())


def run(root, earlier, later):
    return change.run(
        **later.named(),
        **earlier.named("earlier_"),
        settings=ChangeSettings(),
        out=Writer(root / "out", "01", later.visit.session, {"raw": root / "raw"}),
    )


def measures(outputs):
    record = json.loads(outputs.record.read_text())
    return {measure["name"]: measure for measure in record["measures"]}


@pytest.mark.usefixtures("no_figures")
def test_a_lesion_that_came_is_new_and_dates_give_the_change_per_year(tmp_path, rng):
    first = make(tmp_path, "1", rng, OLD, acquired="2020-01-01")
    second = make(tmp_path, "2", rng, OLD, FRESH, acquired="2022-01-01")
    found = measures(run(tmp_path, first, second))
    volume = (distance(FRESH) <= 3).sum() * 8 / 1000
    assert found["wmh_new_ml"]["value"] == pytest.approx(volume, rel=0.15)
    assert found["wmh_new_count"]["value"] == 1
    assert found["wmh_enlarged_ml"]["value"] == found["wmh_resolved_ml"]["value"] == 0
    yearly = found["wmh_net_change_ml_per_year"]["value"]
    assert yearly == pytest.approx(found["wmh_net_change_ml"]["value"] / 2, rel=0.01)
    assert {measure["qc"] for measure in found.values()} == {"pass"}


@pytest.mark.usefixtures("no_figures")
def test_without_dates_the_change_per_year_is_not_assessable(tmp_path, rng):
    found = measures(run(tmp_path, make(tmp_path, "1", rng, OLD), make(tmp_path, "2", rng, OLD)))
    yearly = found["wmh_net_change_ml_per_year"]
    assert (yearly["value"], yearly["qc"]) == (None, "not assessable")
    assert found["wmh_net_change_ml"] | {"sources": ()} == {
        "name": "wmh_net_change_ml",
        "value": 0,
        "qc": "pass",
        "sources": (),
    }


@pytest.mark.usefixtures("no_figures")
def test_another_protocol_puts_a_warning_on_every_number(tmp_path, rng):
    first = make(tmp_path, "1", rng, OLD, metadata={"MRAcquisitionType": "2D"})
    second = make(tmp_path, "2", rng, OLD, metadata={"MRAcquisitionType": "3D"})
    found = measures(run(tmp_path, first, second))
    assert found["wmh_new_ml"]["qc"] == "warn"


def test_files_belong_to_the_later_session_and_name_both(tmp_path, rng):
    outputs = run(tmp_path, make(tmp_path, "1", rng, OLD), make(tmp_path, "2", rng, OLD, FRESH))
    assert outputs.labels.name == "sub-01_ses-2_space-halfway_seg-wmhchange_dseg.nii.gz"
    sidecar = json.loads(outputs.labels.with_name(outputs.labels.name[:-6] + "json").read_text())
    assert sidecar["SpatialReference"].startswith("half-way between the T1w images")
    assert any("ses-1" in source for source in sidecar["Sources"])
    grids = [
        nib.load(path) for path in (outputs.labels, outputs.earlier_flair, outputs.later_flair)
    ]
    assert all(np.array_equal(grid.affine, grids[0].affine) for grid in grids)
    assert set(np.unique(grids[0].get_fdata())) == {0, 1, 2}
    assert len(outputs.figures) == 3
    assert all(path.is_file() for path in outputs.figures)


@pytest.mark.usefixtures("no_figures")
def test_the_same_input_gives_the_same_bytes(tmp_path, rng):
    pair = make(tmp_path, "1", rng, OLD), make(tmp_path, "2", rng, OLD, FRESH)
    kept = [path.read_bytes() for path in files(run(tmp_path, *pair))]
    assert kept == [path.read_bytes() for path in files(run(tmp_path, *pair))]


def files(outputs):
    return [value for value in vars_of(outputs) if isinstance(value, Path)]


def vars_of(outputs):
    return [getattr(outputs, name) for name in outputs.__dataclass_fields__]
