# SPDX-License-Identifier: Apache-2.0
"""Jobs over a cut of the power: `power.py` submits some, says "now", and is ended by it. Then test_power.py looks."""

import sys
import threading
import time

import audit
from hosts import RESULTS
from load import JOBS, Load

RUN = RESULTS / "system-power"


def load_before():
    run = f"the-power-is-cut-{int(time.time())}"
    RUN.write_text(run)
    return Load(run, JOBS, ledger=RESULTS / run)


def load_after():
    """What was promised before is in the ledger, which outlives this host."""
    run = RUN.read_text()
    return Load(run, JOBS, ledger=RESULTS / run)


def main():
    audit.install()
    load_before().start().wait_accepted(JOBS // 2)
    print("now", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
