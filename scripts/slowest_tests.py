"""Write the slowest tests of a run, from the JUnit files that pytest has left in a folder.

    python scripts/slowest_tests.py build/tests

Leaves `slowest.tsv` beside them, seconds with fixtures, and prints its first lines.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

KEPT, SHOWN = 40, 15


def main() -> int:
    folder = Path(sys.argv[1])
    tests = [
        (float(test.attrib["time"]), f"{test.attrib['classname']}::{test.attrib['name']}")
        for file in sorted(folder.glob("*.xml"))
        for test in ET.parse(file).iter("testcase")  # noqa: S314 - pytest wrote it
    ]
    lines = [f"{seconds:.1f}\t{name}" for seconds, name in sorted(tests, reverse=True)[:KEPT]]
    (folder / "slowest.tsv").write_text("\n".join(["seconds\ttest", *lines, ""]), encoding="utf-8")
    sys.stdout.write("\n".join([*lines[:SHOWN], ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
