"""Write `hpc/` from the templates of `--print-job`: `python scripts/make_hpc.py`."""

from pathlib import Path

from npsle_app.cli.batch import EXAMPLE_FILES, Batch, render

HPC = Path(__file__).parents[1] / "hpc"
EXAMPLE = Batch(
    bids_dir=Path("/path/to/bids"),
    output_dir=Path("/path/to/out"),
    labels=("01", "02", "03"),
    image="/path/to/npsle_app.sif",
    words=("--skip-bids-validation",),
    version="0.1.0",
)


def main() -> None:
    for system, name in EXAMPLE_FILES.items():
        (HPC / name).write_text(render(EXAMPLE, system=system), encoding="utf-8")


if __name__ == "__main__":
    main()
