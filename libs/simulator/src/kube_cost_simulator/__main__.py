"""`python -m kube_cost_simulator`."""

import sys

from kube_cost_simulator.main import main

sys.exit(main())
