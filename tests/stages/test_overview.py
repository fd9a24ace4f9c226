"""What the page shows first: pictures for cards and layers for the viewer, on a small head."""

import json

import numpy as np
import pytest
from PIL import Image

from npsle_app.bids.output.names import File
from npsle_app.records import Check, Qc, Record
from npsle_app.report.viewer import read_viewer
from npsle_app.settings import OverviewSettings
from npsle_app.stages.participant import overview, overview_flair
from npsle_app.stages.participant.alps import AlpsOutputs
from npsle_app.stages.participant.anat_flair import AnatFlairOutputs
from npsle_app.stages.participant.dwi import DwiOutputs
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.stages.participant.vessel_wall import VesselWallOutputs
from npsle_app.stages.participant.wmh import WmhOutputs
from npsle_app.stages.participant.wmh_flair import WmhFlairOutputs
from tests.stages.small_head import SHAPE, distance, make_session, save

SHIFT_MM = 6.0  # the scanner has moved on to the right between T1w and the other scans


@pytest.fixture
def head(tmp_path, rng):
    return make_session(tmp_path, rng)


def _record(head, stage, **more):
    return head.out.record(Record(stage=stage, methods="", citations=(), **more))


def _run(head, **given):
    stages = ("wmh", "tissue", "regions", "dwi", "alps", "vessel_wall")
    return overview.run(
        anat=head.anat,
        **(dict.fromkeys(stages) | given),
        settings=OverviewSettings(viewer_voxel_mm=2.0),
        out=head.out,
    )


def _wmh(head, *, flair=True, **more):
    anat = head.anat.t1w.parent
    mask = save(head.lesions.astype(np.uint8), anat / "sub-01_mask.nii.gz")
    return WmhOutputs(
        flair=head.flair.path if flair else None,
        mask=mask,
        threshold=0.2,
        min_lesion_mm3=3.0,
        record=_record(head, "wmh", **more),
        figures=(),
    )


def _tissue(head):
    labels = np.select([distance((22, 22, 22)) <= r for r in (5, 15, 19)], [3, 2, 1], 0)
    path = save(labels.astype(np.uint8), head.anat.t1w.parent / "sub-01_dseg.nii.gz")
    others = dict.fromkeys(("gm", "wm", "csf", "ventricles"), path)
    return TissueOutputs(labels=path, **others, record=_record(head, "tissue"), figures=())


def _moved():
    matrix = np.eye(4)
    matrix[0, 3] = SHIFT_MM  # from points of T1w to those of the other scan
    return matrix


def _diffusion(head):
    folder = head.out.folder / "dwi"
    colour = np.zeros((*SHAPE, 3), np.float32)
    colour[8:36, 8:36, 8:36, 2] = 0.6
    spheres = np.zeros(SHAPE, np.uint8)
    spheres[30:33, 22:24, 22:24] = 1
    place = save(spheres, folder / "sub-01_seg-alps_dseg.nii.gz")
    others = (
        "dwi", "b_values", "directions", "b0", "brain_mask", "tensor", "fa", "adc", "trace",
        "displacement", "noise", "motion",
    )  # fmt: skip
    dwi = DwiOutputs(
        **dict.fromkeys(others, place),
        colour_fa=save(colour, folder / "sub-01_colFA.nii.gz"),
        dwi_to_t1w=head.out.matrix(_moved(), File.DWI_TO_T1W, sources=(place,)),
        volumes=(),
        n_fitted=7.0,
        record=_record(head, "dwi"),
        figures=(),
    )
    alps = AlpsOutputs(
        regions=place, shares=place, table=place, record=_record(head, "alps"), figures=()
    )
    return {"dwi": dwi, "alps": alps}


def _vessels(head):
    lumen = np.zeros(SHAPE, np.uint8)
    lumen[30:33, 22:24, 22:24] = 1
    path = save(lumen, head.anat.t1w.parent / "sub-01_lumen.nii.gz")
    return VesselWallOutputs(
        masks=(path, path),
        lines=(),
        vwi_to_t1w=head.out.matrix(_moved(), File.VWI_TO_T1W, sources=(path,)),
        vessels=path,
        sections=path,
        record=_record(head, "vessel_wall"),
        figures=(),
    )


def _titles(outputs):
    return [layer["title"] for layer in json.loads(outputs.viewer.read_text())["layers"]]


def test_of_a_t1w_alone_there_is_a_viewer_and_no_card(head):
    outputs = _run(head)
    assert _titles(outputs) == ["T1w"]
    assert outputs.figures == ()


def test_each_scan_adds_its_card_and_layers(head):
    outputs = _run(
        head, wmh=_wmh(head), tissue=_tissue(head), **_diffusion(head), vessel_wall=_vessels(head)
    )
    assert _titles(outputs) == ["T1w", "FLAIR", "Lesions", "Tissues", "ALPS spheres", "Arteries"]
    names = [path.name for path in outputs.figures]
    assert names == [f"sub-01_overview-{name}.webp" for name in ("wmh", "brain", "alps")]
    viewer = read_viewer(head.out)
    assert [layer.name for layer in viewer.overlays] == ["lesions", "tissues", "alps", "vessels"]


def test_lesions_given_without_flair_are_drawn_on_t1w(head):
    outputs = _run(head, wmh=_wmh(head, flair=False))
    assert _titles(outputs) == ["T1w", "Lesions"]
    assert [path.name for path in outputs.figures] == ["sub-01_overview-wmh.webp"]


def _run_flair_alone(head, *, lesions):
    flair = head.flair.path
    others = ("intracranial_mask", "flair_in_template", "flair_to_template", "template_to_flair")
    anat = AnatFlairOutputs(
        flair=flair,
        brain_mask=head.anat.brain_mask,
        **dict.fromkeys(others, flair),
        record=_record(head, "anat_flair"),
        figures=(),
    )
    mask = save(head.lesions.astype(np.uint8), flair.parent / "sub-01_mask.nii.gz")
    found = WmhFlairOutputs(
        probability=mask,
        mask=mask,
        threshold=0.2,
        min_lesion_mm3=3.0,
        record=_record(head, "wmh_flair"),
        figures=(),
        shown_share=1.0,
    )
    return overview_flair.run(
        anat_flair=anat,
        wmh_flair=found if lesions else None,
        settings=OverviewSettings(viewer_voxel_mm=2.0),
        out=head.out,
    )


def test_flair_alone_has_a_viewer_with_its_lesions_and_their_card(head):
    outputs = _run_flair_alone(head, lesions=True)
    assert _titles(outputs) == ["FLAIR", "Lesions"]
    assert [path.name for path in outputs.figures] == ["sub-01_overview-wmh.webp"]
    viewer = read_viewer(head.out)
    assert ([one.name for one in viewer.images], [one.name for one in viewer.overlays]) == (
        ["flair"],
        ["lesions"],
    )


def test_flair_alone_whose_lesions_were_not_found_can_be_looked_at(head):
    outputs = _run_flair_alone(head, lesions=False)
    assert _titles(outputs) == ["FLAIR"]
    assert outputs.figures == ()


@pytest.mark.parametrize("layer", ["alps", "vessels"])
def test_what_lies_on_another_scan_is_moved_onto_t1w(head, layer):
    outputs = _run(head, **_diffusion(head), vessel_wall=_vessels(head))
    notes = json.loads(outputs.viewer.read_text())
    x_count, y_count, z_count = notes["shape"]
    with Image.open(outputs.viewer.with_name(f"sub-01_viewer-{layer}.png")) as opened:
        sheet = np.asarray(opened)
    columns = sheet.shape[1] // y_count
    rows, across = np.nonzero(sheet)
    index = rows // z_count * columns + across // y_count
    x_mm = np.array(notes["affine"])[0] @ [index.mean(), 0, 0, 1]
    assert index.max() < x_count
    assert x_mm == pytest.approx(31 * 2 - SHIFT_MM, abs=1.0)


def test_the_worst_check_before_is_inherited_and_nothing_is_measured(head):
    bad = Check(name="x", seen="x", expected="x", state=Qc.FAIL, advice="x")
    outputs = _run(head, wmh=_wmh(head, checks=(bad,)))
    record = json.loads(outputs.record.read_text())
    assert record["inherited"] == "fail"
    assert record["measures"] == []


def test_the_same_images_give_the_same_bytes(head):
    wmh = _wmh(head)
    outputs = _run(head, wmh=wmh)
    written = (*outputs.layers, *outputs.figures, outputs.viewer)
    first = [path.read_bytes() for path in written]
    _run(head, wmh=wmh)
    assert [path.read_bytes() for path in written] == first
