"""`python -m client` is the command `ipmanager`."""

import sys

from .cli import main

sys.exit(main())
