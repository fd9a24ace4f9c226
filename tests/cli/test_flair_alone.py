"""A session that has FLAIR and no T1w image, in the whole command line."""

import pytest

from npsle_app import pipeline
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import Writer
from npsle_app.engine.stage import Stage
from npsle_app.settings import AnatSettings
from tests.cli.plan import PLAN, Image, _write
from tests.cli.test_run import statuses


def anat_flair(*, flair: Scan, settings: AnatSettings, out: Writer) -> Image:
    value = settings.bias_sampling_mm
    return _write(out, "anat_flair", File.FLAIR_ALONE, sources=[flair.path], value=value)


ALONE = Stage(
    "anat_flair",
    "tests.cli.test_flair_alone:anat_flair",
    scans=("flair",),
    without=("t1w",),
    section="anat",
)


@pytest.fixture
def alone(app, dataset, monkeypatch):
    """Return the app on a third participant, who has FLAIR alone."""
    monkeypatch.setattr(pipeline, "PARTICIPANT", (*PLAN, ALONE))
    dataset.add("03", "FLAIR")
    return app


def test_it_is_measured_by_flair_and_those_with_t1w_have_no_such_stage(alone, tmp_path):
    assert alone("participant").code == 0
    found = statuses(tmp_path / "out")
    assert found["sub-03", "n/a", "anat_flair"] == "done"
    assert {found["sub-03", "n/a", stage] for stage in ("anat", "wmh", "tissue")} == {"absent"}
    assert not any(stage == "anat_flair" for label, _, stage in found if label != "sub-03")


def test_the_settings_of_the_stage_in_whose_place_it_stands_are_its_own(alone, tmp_path):
    alone("participant")
    config = tmp_path / "settings.toml"
    config.write_text("[anat]\nbias_sampling_mm = 9.0\n")
    call = alone("participant", "--config-file", str(config))
    assert "made anew" in "".join((tmp_path / "out/logs/status.tsv").read_text())
    assert call.code == 0


def test_the_dry_run_says_what_would_be_measured_and_what_would_not(alone):
    lines = alone("participant", "--dry-run").lines
    own = lines[lines.index("sub-03") :]
    assert "  anat_flair: will run" in own
    assert any(line.startswith("  anat: absent (no ") for line in own)
    assert not any("anat_flair" in line for line in lines[: lines.index("sub-03")])


def test_once_there_is_a_t1w_image_it_is_measured_by_that(alone, dataset, tmp_path):
    alone("participant")
    dataset.add("03", "T1w")
    alone("participant")
    own = {stage for label, _, stage in statuses(tmp_path / "out") if label == "sub-03"}
    assert own == {"anat", "wmh", "tissue"}
