"""`make proof`: the tests that have a long form, in that form, on both databases. It takes its
time.

python -m tests.proof [--only sqlite|postgresql] [pytest's own arguments]
"""

import os
import sys
from pathlib import Path

from tests import run

LONG_FORM = "IPMANAGER_TEST_PROOF"


def main() -> int:
    """Run every test file that knows a long form."""
    os.environ[LONG_FORM] = "1"
    here = Path(__file__).parent
    knowing = [
        str(path)
        for path in sorted(here.rglob("test_*.py"))
        if LONG_FORM in path.read_text(encoding="utf-8")
    ]
    sys.argv[1:] = ["--whole", *sys.argv[1:], *knowing]
    return run.main()


if __name__ == "__main__":
    sys.exit(main())
