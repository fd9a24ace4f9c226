"""Which diffusion runs of a session are measured, and which show their distortion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from npsle_app.bids.input import exclusions
from npsle_app.bids.input.choosing import KINDS, Candidate, find_unfit
from npsle_app.bids.input.filters import Wanted, matches
from npsle_app.bids.input.image_checks import refusal, same_values
from npsle_app.bids.input.phase_encoding import Run, is_doubtful, why_not_reverse
from npsle_app.bids.input.scans import Choice, LeftOut, Scan
from npsle_app.bids.input.sidecars import inherited, read_metadata

_SERIES_DIMS = 4
_REVERSED = (("fmap", "epi"), ("dwi", "dwi"), ("dwi", "sbref"))  # the places of such an image
_TRACES, _A_TENSOR = 2, 6  # weighted volumes of a trace image, and that a tensor needs
_SAME_ECHO_S, _SAME_READOUT = 0.0005, 0.02
_REASONS = (
    "its header can be read",
    "it has most directions",
    "there is an image of reversed phase encoding",
    "the image of reversed phase encoding is on its grid",
    "it is the first echo",
    "it has the smallest voxels",
    "its name comes first",
)


@dataclass
class _Group:
    """Runs that are one series: of one grid, one phase encoding and one echo time."""

    runs: list[Run]
    reverse: list[Run] = field(default_factory=list)
    rejected: list[LeftOut] = field(default_factory=list)

    def differs(self, run: Run) -> str:
        """Return in what a run differs from these; nothing where it is one of them."""
        first = self.runs[0]
        if not run.is_on_grid_of(first):
            return "voxel grid"
        if run.encoding != first.encoding:
            return "phase encoding"
        if _echo(run) != _echo(first) or _differ(run.echo_time_s, first.echo_time_s, _SAME_ECHO_S):
            return "echo time"
        limit = _SAME_READOUT * (first.readout_s or 0)
        return "readout time" if _differ(run.readout_s, first.readout_s, limit) else ""

    @property
    def rank(self) -> tuple[object, ...]:
        first = self.runs[0]
        return (
            first.header is None,
            -sum(run.n_weighted for run in self.runs),
            not self.reverse,
            not any(run.is_on_grid_of(first) for run in self.reverse),
            _echo(first),
            round(float(np.prod(first.candidate.zooms)), 2),
            first.path.name,
        )


def choose_series(candidates: Sequence[Candidate], *, wanted: Mapping[str, Wanted]) -> Choice:
    """Pick the runs that are measured as one series, and those of reversed phase encoding.

    Runs are files that differ by `run-` alone, or acquisitions with gradient tables of their own;
    those of one grid, one phase encoding and one echo time are appended to one another. Of
    several series the one with most weighted volumes is taken, then one with an image of
    reversed phase encoding, best on its own grid, then that of the first echo, of smaller
    voxels, whose name comes first. An image encoded the other way, from `fmap` or `dwi`, serves
    to undo the distortion; the user's filter does not touch these. What is not used is named
    with the reason.
    """
    fitting = [one for one in candidates if matches(one.entities, {**KINDS["dwi"].query, **wanted})]
    if not fitting:
        asked = " that the filter file asks for" if wanted else ""
        return Choice("dwi", None, f"no DWI series{asked}", _idle_field_maps(candidates))
    left_out = {one.path: why for one in fitting if (why := find_unfit("dwi", one, wanted))}
    runs = _runs([Run(one) for one in fitting if one.path not in left_out], left_out)
    if not runs:
        return _no_series(candidates, left_out, wanted=wanted)
    groups = _group(runs)
    for group in groups:
        _find_reverse(group, candidates)
    chosen = min(groups, key=lambda group: group.rank)
    for group in groups:
        if group is not chosen:
            left_out |= {run.path: _say_other(run, chosen) for run in group.runs}
    first, *more = chosen.runs
    scan = first.scan(
        runs=tuple(run.scan() for run in more), reverse=tuple(run.scan() for run in chosen.reverse)
    )
    used = {run.path for run in (*chosen.runs, *chosen.reverse)}
    named = {one.path: one for one in chosen.rejected}
    named |= {path: LeftOut(path, why) for path, why in left_out.items()}
    others = tuple(one for path, one in named.items() if path not in used)
    return Choice("dwi", scan, _say_why(groups, chosen, wanted=wanted), others)


def find_preprocessed(
    derivatives: Mapping[str, Path], *, participant: str, session: str | None
) -> Choice | None:
    """Find `desc-preproc_dwi` in datasets given with `--derivatives`; the first by name."""
    folders = [f"sub-{participant}", *([f"ses-{session}"] if session else []), "dwi"]
    for name, root in sorted(derivatives.items()):
        found = sorted(root.joinpath(*folders).glob("*_desc-preproc_dwi.nii*"))
        if found:
            tables = [inherited(found[0], extension=end)[-1:] for end in (".bval", ".bvec")]
            scan = Scan(
                found[0], read_metadata(found[0]), tables=(*tables[0], *tables[1]),
                preprocessed=True,
            )  # fmt: skip
            why = f"preprocessed by another program (--derivatives {name})"
            others = (LeftOut(path, f"{found[0].name} comes first") for path in found[1:])
            return Choice("dwi", scan, why, tuple(others))
    return None


def _runs(fitting: Sequence[Run], left_out: dict[Path, str]) -> list[Run]:
    """Return those that are runs of a series, by name; put the reasons for others down.

    Where only one is left it is taken as it is: what is wrong with it is said when it is to be
    measured.
    """
    ordered = sorted(fitting, key=lambda run: (run.candidate.stem, run.path.suffix != ".gz"))
    series = [run for run in ordered if not _note(run, _why_no_series(run), left_out)]
    if not series:
        whole = [run for run in ordered if run.header is None or _n_dims(run) == _SERIES_DIMS]
        return whole[:1]
    kept: list[Run] = []
    for run in _originals_first(series):
        if not _note(run, _why_a_copy(run, kept), left_out):
            kept.append(run)
    if len(kept) > 1:
        refused = {run.path: why for run in kept if (why := refusal(run.path, series=True))}
        usable = [run for run in kept if run.path not in refused]
        left_out |= refused if usable else {}
        kept = _unlike(usable, left_out) if usable else kept[:1]
    return sorted(kept, key=lambda run: run.path.name)


def _unlike(runs: Sequence[Run], left_out: dict[Path, str]) -> list[Run]:
    """Return those that are no copies of one before, and no trace image among true series."""
    kept: list[Run] = []
    most = max(run.n_weighted for run in runs)
    for run in runs:
        same = next((one for one in kept if same_values(run.path, one.path)), None)
        why = f"it holds the same values as {same.path.name}" if same else ""
        if 0 < run.n_weighted <= _TRACES and most >= _A_TENSOR:
            why = (
                f"it has {run.n_weighted} weighted volumes, as a trace image has: no tensor is "
                "told by them"
            )
        if not _note(run, why, left_out):
            kept.append(run)
    return kept


def _note(run: Run, why: str, left_out: dict[Path, str]) -> bool:
    if why:
        left_out[run.path] = why
    return bool(why)


def _why_no_series(run: Run) -> str:
    if run.header is None:
        return ""
    if _n_dims(run) != _SERIES_DIMS or run.header.shape[3] == 1:
        return "it is one volume, no series"
    missing = [end for end in (".bval", ".bvec") if not inherited(run.path, extension=end)]
    return f"it has no gradient tables ({', '.join(missing)})" if missing else ""


def _n_dims(run: Run) -> int:
    return len(run.header.shape) if run.header else 0


def _originals_first(runs: Sequence[Run]) -> list[Run]:
    """Sort so that what another may be a copy of comes before it."""
    return sorted(runs, key=lambda run: (_is_derived(run), run.candidate.stem,
                                         run.path.suffix != ".gz"))  # fmt: skip


def _is_derived(run: Run) -> bool:
    entities = run.candidate.entities
    copy = exclusions.aligned_copy(entities, run.metadata)
    return bool(copy or entities.get("reconstruction"))


def _why_a_copy(run: Run, others: Sequence[Run]) -> str:
    """Return why a file adds nothing to others that are measured."""
    entities = run.candidate.entities
    if twin := next((one for one in others if one.candidate.stem == run.candidate.stem), None):
        return f"the same series as {twin.path.name}"
    if others and (why := exclusions.aligned_copy(entities, run.metadata)):
        return why
    for one in others:
        differ = _differing(entities, one.candidate.entities)
        if differ <= {"reconstruction", "run"} and "reconstruction" in differ:
            return f"another reconstruction of {one.path.name}"
        if differ - {"run"} and _tables(run) == _tables(one):
            return f"it has no gradient tables of its own, but those of {one.path.name}"
    return ""


def _differing(first: Mapping[str, object], second: Mapping[str, object]) -> set[str]:
    names = (first.keys() | second.keys()) - {"extension"}
    return {name for name in names if first.get(name) != second.get(name)}


def _tables(run: Run) -> list[Path]:
    return [path for end in (".bval", ".bvec") for path in inherited(run.path, extension=end)[-1:]]


def _group(runs: Sequence[Run]) -> list[_Group]:
    groups: list[_Group] = []
    for run in runs:
        home = next((group for group in groups if not group.differs(run)), None)
        if home is None:
            groups.append(_Group([run]))
        else:
            home.runs.append(run)
    return groups


def _echo(run: Run) -> int:
    told = str(run.candidate.entities.get("echo") or 0)
    return int(told) if told.isdecimal() else 0


def _differ(first: float | None, second: float | None, limit: float) -> bool:
    return first is not None and second is not None and abs(first - second) > limit


def _find_reverse(group: _Group, candidates: Sequence[Candidate]) -> None:
    """Find an image encoded the other way, meant for the series first, then of `fmap`.

    Each that is not used is put down with the reason.
    """
    series, own = group.runs[0], {run.path for run in group.runs}
    stems = {run.candidate.stem for run in group.runs}
    found = [
        Run(one)
        for datatype, suffix in _REVERSED
        for one in sorted(candidates, key=lambda one: one.path.name)
        if matches(one.entities, {"datatype": datatype, "suffix": suffix}) and one.path not in own
    ]
    found.sort(
        key=lambda run: (
            _intended(run) & stems == set(),
            is_doubtful(run, series),
            run.candidate.entities.get("datatype") != "fmap",
            not run.is_on_grid_of(series),
        )
    )
    for run in found:
        if run.path.name.split(".")[0].endswith("_sbref") and run.encoding == series.encoding:
            continue  # the reference of the series itself
        why = _why_idle(run, series, stems=stems)
        if not why and group.reverse:
            why = f"{group.reverse[0].path.name} was taken: one is enough"
        if why:
            group.rejected.append(LeftOut(run.path, f"not used for its distortion: {why}"))
        else:
            group.reverse.append(run)


def _why_idle(run: Run, series: Run, *, stems: set[str]) -> str:
    candidate, named = run.candidate, _intended(run)
    return (
        ("" if candidate.path.is_file() or candidate.path.is_symlink() else "it is no regular file")
        or exclusions.not_magnitude(candidate.entities, run.metadata)
        or exclusions.diffusion_map(candidate.entities, run.metadata)
        or exclusions.other_space(candidate.entities, candidate.header)
        or why_not_reverse(run, series)
        or (f"IntendedFor names {_few(named)}" if named and not named & _dwi(named, stems) else "")
        or refusal(run.path, series=None)
    )


def _dwi(named: set[str], stems: set[str]) -> set[str]:
    """Return what is a diffusion series among names: a field map of one serves the others."""
    return stems | {name for name in named if name.endswith("_dwi")}


def _intended(run: Run) -> set[str]:
    """Return the names that `IntendedFor` holds, as paths or BIDS URIs, without their ends."""
    told = run.metadata.get("IntendedFor")
    names = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    return {PurePosixPath(str(name)).name.split(".")[0] for name in names if str(name).strip()}


def _few(names: set[str]) -> str:
    first, *more = sorted(names)
    return f"{first} and {len(more)} more" if more else first


def _idle_field_maps(candidates: Sequence[Candidate]) -> tuple[LeftOut, ...]:
    idle = (one for one in candidates if matches(one.entities, {"datatype": "fmap"}))
    return tuple(LeftOut(one.path, "there is no diffusion series") for one in idle)


def _no_series(
    candidates: Sequence[Candidate], left_out: Mapping[Path, str], *, wanted: Mapping[str, Wanted]
) -> Choice:
    asked = " that the filter file asks for" if wanted else ""
    named = "; ".join(f"{path.name}: {why}" for path, why in left_out.items())
    others = (*(LeftOut(path, why) for path, why in left_out.items()),
              *_idle_field_maps(candidates))  # fmt: skip
    return Choice("dwi", None, f"no DWI series{asked} ({named})", others)


def _say_other(run: Run, chosen: _Group) -> str:
    differ = chosen.differs(run) or "what it shows"
    return f"it differs from {chosen.runs[0].path.name}, which is measured, in {differ}"


def _say_why(groups: Sequence[_Group], chosen: _Group, *, wanted: Mapping[str, Wanted]) -> str:
    asked = " that the filter file asks for" if wanted else ""
    runs = f" in {len(chosen.runs)} runs" if len(chosen.runs) > 1 else ""
    told = f"the only series{asked}{runs}"
    if len(groups) > 1:
        second = sorted(groups, key=lambda group: group.rank)[1]
        both = zip(_REASONS, chosen.rank, second.rank, strict=True)
        why = next((text for text, own, other in both if own != other), _REASONS[-1])
        differ = "that differ in grid, phase encoding or echo time"
        told = f"of {len(groups)} series{asked} {differ}, {why}{runs}"
    if chosen.reverse:
        told += f"; reversed phase encoding: {chosen.reverse[0].path.name}"
        if is_doubtful(chosen.reverse[0], chosen.runs[0]):
            told += " (its sidecar does not say so; the images must show it)"
    return told
