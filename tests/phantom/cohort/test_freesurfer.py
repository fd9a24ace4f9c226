"""The cohort of paper 3 as FreeSurfer leaves it: readable, and the same each time."""

from npsle_app.bids.freesurfer.tables import read_aparc, read_aseg
from npsle_app.measures.names_of_freesurfer import VOLUMES_GIVEN
from npsle_app.phantom.__main__ import main
from npsle_app.phantom.cohort.freesurfer import FOLDER


def write(folder, participants):
    arguments = [str(folder), "--cohort", "paper3", "--freesurfer", "--participants", participants]
    assert main(arguments) == 0
    return folder / FOLDER


def test_each_session_has_tables_that_can_be_read(tmp_path):
    folders = sorted(write(tmp_path / "study", "4").iterdir())
    assert [one.name for one in folders][:1] == ["sub-0001_ses-1"]
    for folder in folders:
        imported = read_aseg(folder / "stats" / "aseg.stats")
        assert (imported.software, imported.version) == ("FreeSurfer", "7.4.1")
        assert set(imported.volumes) == set(VOLUMES_GIVEN.values())
        for hemi in ("lh", "rh"):
            assert len(read_aparc(folder / "stats" / f"{hemi}.aparc.stats").volumes) == 68


def test_a_participant_stays_the_same_in_a_larger_cohort(tmp_path):
    small, large = write(tmp_path / "small", "2"), write(tmp_path / "large", "5")
    for path in small.rglob("*.stats"):
        assert path.read_bytes() == (large / path.relative_to(small)).read_bytes()


def test_it_is_refused_without_the_cohort_whose_volumes_it_writes(tmp_path, capsys):
    assert main([str(tmp_path / "study"), "--cohort", "paper2", "--freesurfer"]) == 2
    assert "--freesurfer writes the volumes of --cohort paper3" in capsys.readouterr().err
