"""What a group stage wrote beside what `group_tables.toml` says of it."""

from collections.abc import Container
from pathlib import Path

from npsle_app.bids.output.names import GroupFile
from npsle_app.group_tables import group_files


def assert_tables_are_as_described(
    out: Path, stage: str, *, but: Container[str] = (), open_tables: Container[str] = ()
) -> None:
    """Each table of a stage was written, with all its columns in the order of the description.

    `but` were not to be written; `open_tables` may have columns that are the study's own.
    """
    for name, table in group_files()[stage].tables.items():
        if table.session_file or name in but:
            continue
        header = (out / GroupFile(name).path).read_text(encoding="utf-8").partition("\n")[0]
        columns, described = header.split("\t"), [column.name for column in table.columns]
        assert [column for column in columns if column in described] == described, name
        more = [column for column in columns if column not in described]
        assert not more or table.others or name in open_tables, (name, more)
