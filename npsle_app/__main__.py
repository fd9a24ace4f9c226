"""`npsle_app BIDS_DIR OUTPUT_DIR {participant,group}`."""

import sys
import traceback
from collections.abc import Sequence

from npsle_app.cli.config import resolve
from npsle_app.cli.environment import set_threads
from npsle_app.cli.errors import RefusedError, TerminatedError
from npsle_app.cli.parser import parse
from npsle_app.cli.supervision import split_off
from npsle_app.engine.job import printable


def main(argv: Sequence[str] | None = None) -> int:
    """Run the app and return its exit code; from a shell, in a process that is watched over."""
    request = parse(argv)
    if argv is None:
        split_off()
    try:
        configuration = resolve(request)
        set_threads(configuration.options.omp_nthreads)  # before anything that computes is imported
        if configuration.options.print_job:
            from npsle_app.cli.batch import tell as tell_batch

            return tell_batch(request, configuration)
        if configuration.options.dry_run:
            from npsle_app.cli.dry_run import tell

            return tell(request, configuration)
        from npsle_app.cli.run import run

        return run(request, configuration)
    except RefusedError as refusal:
        print(f"npsle_app: {printable(str(refusal))}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt as signal:
        code = 143 if isinstance(signal, TerminatedError) else 130
        print(f"npsle_app: interrupted: exit {code}")  # noqa: T201
        return code
    except Exception as error:  # noqa: BLE001 - the user is told what to do with it
        if request.given.get("debug"):
            traceback.print_exc()
        name = type(error).__name__
        hint = "run again with --debug for the traceback"
        print(f"npsle_app: unexpected {name}: {error} ({hint}): exit 1")  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main())
