"""Compare the lesions of a session with those of the session before."""

from dataclasses import dataclass
from pathlib import Path

from npsle_app.arrays import Floats
from npsle_app.bids.input.scans import Scan, Visit
from npsle_app.bids.output.names import WMH_CHANGES, File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.slices import draw_change, draw_pair
from npsle_app.figures.stages.drawing import Drawing, Picture
from npsle_app.imaging.lesions.change import (
    Appearance,
    LesionChange,
    appear,
    compare_lesions,
    per_year,
)
from npsle_app.imaging.lesions.change_checks import (
    check_change,
    check_interval,
    check_origin,
    check_protocol,
    check_registration,
)
from npsle_app.imaging.space.halfway import Halfway, find_halfway
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.records import Check, Record, worst
from npsle_app.settings import ChangeSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.shared import figure_paths, inheriting, measured, save_drawings
from npsle_app.stages.participant.tissue import TissueOutputs
from npsle_app.stages.participant.wmh import WmhOutputs

_METHODS = (
    "Each session was compared with the one before in a space half-way between them: rigid "
    "registrations of the T1w images both ways were averaged and halved, so that the images of "
    "both sessions were moved and interpolated alike. FLAIR images were divided by the median of "
    "normal-appearing white matter and evened for slow differences. Voxels counted as changed "
    "where the lesion masks differed and FLAIR had changed, in the same sense, by more than "
    "{sd:g} standard deviations of normal-appearing white matter and of a displacement of "
    "{shift:g} mm together, or by twice as much where one probability reached half of the "
    "threshold, in connected parts of at least {smallest:g} mm³; their rims of 1.5 mm count from "
    "half of the difference."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutputs:
    """Images of both sessions on the grid half-way between them."""

    labels: Path
    earlier_flair: Path
    later_flair: Path
    earlier_to_halfway: Path
    later_to_halfway: Path
    record: Path
    figures: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """What is taken of one session."""

    visit: Visit
    flair: Scan
    anat: AnatOutputs
    wmh: WmhOutputs
    tissue: TissueOutputs

    @property
    def prepared_flair(self) -> Path:
        """FLAIR on the T1w grid; a session whose FLAIR was acquired has it."""
        if self.wmh.flair is None:
            msg = f"ses-{self.visit.session}: its lesions were given without FLAIR; run it again"
            raise ValueError(msg)
        return self.wmh.flair

    @property
    def sources(self) -> tuple[Path, ...]:
        lesions = [path for path in (self.wmh.mask, self.wmh.probability) if path is not None]
        return self.anat.t1w, self.prepared_flair, *lesions, self.tissue.wm


@inheriting()
def run(
    *,
    visit: Visit,
    flair: Scan,
    anat: AnatOutputs,
    wmh: WmhOutputs,
    tissue: TissueOutputs,
    earlier_visit: Visit,
    earlier_flair: Scan,
    earlier_anat: AnatOutputs,
    earlier_wmh: WmhOutputs,
    earlier_tissue: TissueOutputs,
    settings: ChangeSettings,
    out: Writer,
) -> ChangeOutputs:
    """Find what is new, enlarged, shrunken and resolved."""
    later = _Session(visit=visit, flair=flair, anat=anat, wmh=wmh, tissue=tissue)
    earlier = _Session(
        visit=earlier_visit,
        flair=earlier_flair,
        anat=earlier_anat,
        wmh=earlier_wmh,
        tissue=earlier_tissue,
    )
    halfway = _register_halfway(earlier, later, seed=settings.random_seed)
    before = _resample_halfway(earlier, halfway, matrix=halfway.to_earlier)
    after = _resample_halfway(later, halfway, matrix=halfway.to_later)
    change = compare_lesions(
        before,
        after,
        voxel_mm=halfway.edge_mm,
        threshold=wmh.threshold,
        significance_sd=settings.significance_sd,
        min_change_mm3=settings.min_change_mm3,
        shift_mm=max(settings.shift_mm, halfway.disagree_mm),
    )
    checks = _check(earlier, later, halfway=halfway, shown=(before, after), change=change)
    saved = _save(earlier, later, halfway=halfway, shown=(before, after), change=change, out=out)
    figures = save_drawings(_draw(halfway, shown=(before, after), change=change), out=out)
    record = Record(
        stage="change",
        methods=_METHODS.format(
            sd=settings.significance_sd, shift=settings.shift_mm, smallest=settings.min_change_mm3
        ),
        citations=("reuter2012", "schmidt2019", "antspy"),
        measures=measured(
            _numbers(change, days=earlier.visit.days_until(later.visit)),
            qc=worst([check.state for check in checks]),
            sources=(saved["labels"], earlier.wmh.mask, later.wmh.mask),
        ),
        checks=checks,
        figures=figures,
        choices=(f"Compared with ses-{earlier.visit.session}, the session before.",),
    )
    return ChangeOutputs(
        **saved,
        record=out.record(record),
        figures=figure_paths(figures),
    )


def _register_halfway(earlier: _Session, later: _Session, *, seed: int) -> Halfway:
    heads, brains = (
        [read_image(path) for path in paths]
        for paths in (
            (earlier.anat.t1w, later.anat.t1w),
            (earlier.anat.brain_mask, later.anat.brain_mask),
        )
    )
    return find_halfway(*heads, earlier_brain=brains[0], later_brain=brains[1], seed=seed)


def _resample_halfway(session: _Session, halfway: Halfway, *, matrix: Floats) -> Appearance:
    flair, lesions, wm, brain = (
        read_image(path)
        for path in (
            session.prepared_flair,
            session.wmh.mask,
            session.tissue.wm,
            session.anat.brain_mask,
        )
    )
    likely = session.wmh.probability
    return appear(
        flair,
        lesions=lesions,
        probability=None if likely is None else read_image(likely),
        wm=wm,
        brain=brain,
        grid=halfway.grid,
        matrix=matrix,
    )


def _check(
    earlier: _Session,
    later: _Session,
    *,
    halfway: Halfway,
    shown: tuple[Appearance, Appearance],
    change: LesionChange,
) -> tuple[Check, ...]:
    return (
        *check_registration(halfway, *shown),
        check_protocol(
            read_image(earlier.flair.path),
            read_image(later.flair.path),
            earlier_metadata=earlier.flair.metadata,
            later_metadata=later.flair.metadata,
        ),
        *check_change(
            change,
            earlier_mask=read_image(earlier.wmh.mask),
            later_mask=read_image(later.wmh.mask),
        ),
        check_origin(*(session.wmh.reading is not None for session in (earlier, later))),
        check_interval(earlier.visit.days_until(later.visit)),
    )


def _numbers(change: LesionChange, *, days: float | None) -> dict[str, float | None]:
    found = change.as_measures()
    yearly = per_year(found["wmh_net_change_ml"], days=days)
    return {**found, "wmh_net_change_ml_per_year": yearly}


def _save(
    earlier: _Session,
    later: _Session,
    *,
    halfway: Halfway,
    shown: tuple[Appearance, Appearance],
    change: LesionChange,
    out: Writer,
) -> dict[str, Path]:
    first, grid = later.flair.path, halfway.grid
    flairs = {
        name: out.image(
            on_grid_of(grid, one.flair),
            file,
            sources=(first, session.prepared_flair, earlier.anat.t1w, later.anat.t1w),
            SkullStripped=session.anat.intracranial_mask is None,
        )
        for name, file, one, session in (
            ("earlier_flair", File.EARLIER_FLAIR, shown[0], earlier),
            ("later_flair", File.LATER_FLAIR, shown[1], later),
        )
    }
    heads = (first, earlier.anat.t1w, later.anat.t1w)
    return flairs | {
        "earlier_to_halfway": out.matrix(
            halfway.to_earlier, File.EARLIER_TO_HALFWAY, sources=heads
        ),
        "later_to_halfway": out.matrix(halfway.to_later, File.LATER_TO_HALFWAY, sources=heads),
        "labels": out.image(
            on_grid_of(grid, change.labels),
            File.WMH_CHANGE,
            sources=(first, *earlier.sources, *later.sources),
        ),
    }


def _draw(
    halfway: Halfway,
    *,
    shown: tuple[Appearance, Appearance],
    change: LesionChange,
) -> tuple[Drawing, ...]:
    before, after = (on_grid_of(halfway.grid, one.flair) for one in shown)
    brain = on_grid_of(halfway.grid, shown[0].shown | shown[1].shown)
    outlines = {
        label: (on_grid_of(halfway.grid, change.only(number)), colour)
        for number, _, label, colour in WMH_CHANGES
    }
    figure = draw_change(before, after, changes=outlines, brain=brain)
    pair = draw_pair(before, after, focus=brain)
    return (
        Drawing(
            title="Change of lesions since the session before",
            picture=Picture("change-lesions", figure),
            caption="The same slices of FLAIR, above at the session before, below at this one. "
            "What is outlined as new should be dark above and bright below, what is resolved the "
            "other way round; an outline around cortex, or along one side of the brain, is none.",
        ),
        Drawing(
            title="FLAIR of both sessions",
            picture=Picture("change-flair-earlier", pair[0]),
            after=Picture("change-flair-later", pair[1]),
            caption="Both sessions half-way between them: ventricles, sulci and the brain's "
            "outline should stay in place while the two alternate.",
        ),
    )
