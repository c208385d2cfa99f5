"""`python -m client`: the same as `ipmanager`."""

import sys

from .cli import main

sys.exit(main())
