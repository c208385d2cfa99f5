"""`python -m client`: the same as `ipmanager`."""

import sys

from client.cli import main

sys.exit(main())
