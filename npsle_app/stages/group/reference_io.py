"""Read and write a reference: a table of healthy people with its sidecar, or a model."""

from pathlib import Path

from npsle_app.bids.input.participants import read_dictionary
from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.writer import write_json
from npsle_app.bids.tables import read_table
from npsle_app.cohort.normative.model import Provenance
from npsle_app.cohort.normative.model_json import from_plain, to_plain
from npsle_app.cohort.normative.people import read_people, read_provenance, tell_provenance
from npsle_app.cohort.normative.population import Population
from npsle_app.cohort.normative.population_json import is_population, population_from_plain
from npsle_app.cohort.normative.sources import (
    OWN,
    UNIT,
    GivenReference,
    StudyReference,
    describe_given,
)
from npsle_app.cohort.normative.validity import check_reference
from npsle_app.cohort.study.normative_question import SCORED
from npsle_app.documents import read_json
from npsle_app.resources import DATA
from npsle_app.settings import NormativeSettings
from npsle_app.stages.group.shared import write_table
from npsle_app.templates import Template, digest

SOFTWARE = "npsle_app"
SHIPPED_POPULATION, OWN_CONTROLS = "population", "own"
_NO_FILE = ("", SHIPPED_POPULATION, OWN_CONTROLS)
_POPULATION = DATA / "reference_freesurfer.json"
_TEMPLATES = (
    Template.T1,
    Template.GM,
    Template.WM,
    Template.HEAD,
    Template.INTRACRANIAL,
    Template.BRAIN,
    Template.DEEP_GM,
    Template.VENTRICLES,
    Template.REGIONS,
)
_MISSING = ("n/a", "")


def own_provenance(version: str) -> Provenance:
    """Return what measures volumes here: the app, its version, and the templates they rest on."""
    templates = {template.name: digest(template) for template in _TEMPLATES}
    return Provenance(software=SOFTWARE, app_version=version, templates=templates)


def read_given(settings: NormativeSettings) -> GivenReference | None:
    """Read the reference that the settings name; None where they name none of this form."""
    if settings.reference_file in _NO_FILE or _names_population(settings.reference_file):
        return None
    return read_reference(Path(settings.reference_file))


def read_population(reference_file: str) -> Population:
    """Read the population that imported volumes are scored by: the app's own, or one of a file.

    Raises
    ------
    ValueError
        With the file and what is wrong with it.
    """
    given = reference_file not in _NO_FILE and _names_population(reference_file)
    path = Path(reference_file) if given else Path(str(_POPULATION))
    try:
        return population_from_plain(read_json(path))
    except (OSError, ValueError) as error:
        msg = f"{path}: {error}"
        raise ValueError(msg) from error


def _names_population(reference_file: str) -> bool:
    """Tell whether a file is a population; one that cannot be read is not."""
    path = Path(reference_file)
    try:
        return path.suffix == ".json" and is_population(read_json(path))
    except (OSError, ValueError):
        return False


def read_reference(path: Path) -> GivenReference:
    """Read a table (TSV with a JSON sidecar) or a fitted model (JSON).

    Raises
    ------
    ValueError
        With the file and what is wrong with it.
    """
    try:
        return _read_model(path) if path.suffix == ".json" else _read_table(path)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read the reference {path}: {error}"
        raise ValueError(msg) from error
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ValueError(msg) from error


def check_given(settings: NormativeSettings, *, version: str) -> None:
    """Refuse a reference that cannot be read or was measured by other means.

    Raises
    ------
    ValueError
        With the file and all reasons.
    """
    read_population(settings.reference_file)
    if (given := read_given(settings)) is None:
        return
    try:
        check_reference(
            describe_given(given),
            measured_by=own_provenance(version),
            regions=SCORED,
            unit=UNIT,
            allow_foreign=settings.allow_foreign,
        )
    except ValueError as error:
        msg = f"{settings.reference_file}: {error} (--allow-foreign-reference)"
        raise ValueError(msg) from error


def write_reference(output_dir: Path, reference: StudyReference) -> tuple[Path, ...]:
    """Write the model, and the study's people who made it as a table for other studies."""
    model = output_dir / GroupFile.NORMATIVE_MODEL.path
    write_json(model, to_plain(reference.model))
    if reference.source != OWN or reference.people is None:
        return (model,)
    names = (str(name) for name in reference.people)
    first = ["participant_id", *(name for name in names if name != "participant_id")]
    provenance = tell_provenance(reference.model.provenance)
    file = GroupFile.NORMATIVE_REFERENCE
    return model, write_table(output_dir, file, reference.people[first], more=provenance)


def _read_model(path: Path) -> GivenReference:
    try:
        content = read_json(path)
    except ValueError as error:
        msg = f"it is no readable JSON ({error})"
        raise ValueError(msg) from error
    model = from_plain(content)
    return GivenReference(name=path.name, provenance=model.provenance, model=model)


def _read_table(path: Path) -> GivenReference:
    sidecar = read_dictionary(path.with_suffix(".json"))
    units = {
        name: told["Units"]
        for name, told in sidecar.items()
        if isinstance(told, dict) and isinstance(told.get("Units"), str)
    }
    texts = read_table(path, missing=_MISSING).astype(object)
    texts = texts.where(texts.notna(), None)
    return GivenReference(
        name=path.name,
        provenance=read_provenance(sidecar),
        table=read_people(texts, units=units),
    )
