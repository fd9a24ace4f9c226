"""The methods text of a run and the works it names."""

from collections.abc import Iterable

from npsle_app.records import Record
from npsle_app.report.references import WORKS

_OPENING = (
    "Images were organised according to BIDS [@bids] and processed with npsle_app, "
    "a BIDS-App [@bids_apps]."
)
_ALWAYS = ("bids", "bids_apps", "nibabel", "numpy", "scipy", "pybids")


def sentences(records: Iterable[Record]) -> list[str]:
    """Return the opening and each stage's sentence with its keys, each once, in order."""
    said = [_OPENING]
    for record in records:
        if not record.methods.strip():
            continue  # a stage that only draws has nothing to tell
        keys = "; ".join(f"@{key}" for key in record.citations)
        said.append(f"{record.methods.strip()}" + (f" [{keys}]" if keys else ""))
    return list(dict.fromkeys(said))


def cited(records: Iterable[Record]) -> list[str]:
    """Return the keys that the records cite and those of the software, sorted, each once.

    Raises
    ------
    KeyError
        If a stage cites a key that the table lacks.
    """
    keys = sorted({*_ALWAYS, *(key for record in records for key in record.citations)})
    unknown = [key for key in keys if key not in WORKS]
    if unknown:
        msg = f"no citation is called {unknown}; add it to npsle_app/data/references.bib"
        raise KeyError(msg)
    return keys


def methods_text(records: Iterable[Record]) -> tuple[str, str]:
    """Write the methods section: Markdown with pandoc citation keys, and its BibTeX file.

    Records of several participants may be given; what they share is said once.
    """
    records = tuple(records)
    keys = cited(records)
    references = "\n".join(f"- **{key}** {WORKS[key].text}" for key in keys)
    body = " ".join(sentences(records))
    software = "Arrays and files were handled with NumPy, SciPy, NiBabel and PyBIDS"
    software += " [@numpy; @scipy; @nibabel; @pybids]."
    markdown = f"# Methods\n\n{body} {software}\n\n# References\n\n{references}\n"
    return markdown, "\n".join(WORKS[key].entry for key in keys)
