"""Texts that lie in `npsle_app/data` beside the code."""

from importlib.resources import files


def read_text(name: str) -> str:
    """Return the text of a file of `npsle_app/data`."""
    return files("npsle_app").joinpath("data", name).read_text(encoding="utf-8")
