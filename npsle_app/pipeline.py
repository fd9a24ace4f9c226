"""The plan: which stages there are, and what each one waits for.

A stage is named by its function and imported when it runs: `--help` waits for no library, and a
run of the participant level for nothing that the group level rests on.
"""

from npsle_app.engine.stage import Stage

_PARTICIPANT = "npsle_app.stages.participant"
_GROUP = "npsle_app.stages.group"

PARTICIPANT = (
    Stage("anat", f"{_PARTICIPANT}.anat:run", scans=("t1w",), given=("brain_mask",)),
    Stage(
        "wmh",
        f"{_PARTICIPANT}.wmh:run",
        uses_scans=("flair", "wmh_mask"),
        needs=("anat",),
    ),
    Stage(
        "anat_flair",
        f"{_PARTICIPANT}.anat_flair:run",
        scans=("flair",),
        without=("t1w",),
        section="anat",
    ),
    Stage(
        "wmh_flair",
        f"{_PARTICIPANT}.wmh_flair:run",
        scans=("flair",),
        needs=("anat_flair",),
        without=("t1w",),
        section="wmh",
    ),
    Stage(
        "lesions_flair",
        f"{_PARTICIPANT}.lesions_flair:run",
        needs=("anat_flair", "wmh_flair"),
        without=("t1w",),
        section="lesions",
    ),
    Stage(
        "filling",
        f"{_PARTICIPANT}.filling:run",
        needs=("anat", "wmh"),
        given=("tissue_maps",),
    ),
    Stage(
        "tissue",
        f"{_PARTICIPANT}.tissue:run",
        needs=("anat",),
        uses=("wmh", "filling"),
        given=("tissue_maps",),
    ),
    Stage(
        "regions",
        f"{_PARTICIPANT}.regions:run",
        given=("tissue_maps",),
        needs=("anat", "tissue"),
        earlier_uses=("anat", "regions"),
    ),
    Stage(
        "freesurfer",
        f"{_PARTICIPANT}.freesurfer:run",
        scans=("freesurfer",),
        uses=("tissue",),
    ),
    Stage("dwi", f"{_PARTICIPANT}.dwi:run", scans=("dwi",), uses=("anat",)),
    Stage("alps", f"{_PARTICIPANT}.alps:run", needs=("dwi",), uses=("anat", "wmh", "tissue")),
    Stage("vessel_wall", f"{_PARTICIPANT}.vessel_wall:run", scans=("vwi",), uses=("anat",)),
    Stage("lesions", f"{_PARTICIPANT}.lesions:run", needs=("anat", "wmh", "tissue")),
    Stage(
        "change",
        f"{_PARTICIPANT}.change:run",
        scans=("visit", "flair"),
        needs=("anat", "wmh", "tissue"),
        earlier=("anat", "wmh", "tissue"),
        earlier_scans=("visit", "flair"),
    ),
    Stage(
        "overview",
        f"{_PARTICIPANT}.overview:run",
        needs=("anat",),
        uses=("wmh", "tissue", "regions", "dwi", "alps", "vessel_wall"),
    ),
    Stage(
        "overview_flair",
        f"{_PARTICIPANT}.overview_flair:run",
        needs=("anat_flair",),
        uses=("wmh_flair",),
        without=("t1w",),
        section="overview",
    ),
)

GROUP = (
    Stage("measures", f"{_GROUP}.measures:run"),
    Stage("statistics", f"{_GROUP}.statistics:run", needs=("measures",)),
    Stage("normative", f"{_GROUP}.normative:run", needs=("measures",)),
    Stage("population", f"{_GROUP}.population:run", needs=("measures",)),
    Stage("deviations", f"{_GROUP}.deviations:run", needs=("normative",)),
    Stage("classifier", f"{_GROUP}.classifier:run", needs=("measures",)),
)
