"""One of several hosts that train the toy task together: a program of test_hosts.py.

    python -m tests.mars_demo.toy_host FOLDER UPDATES

The environment says who the others are, as `mars_demo.runs.hosts.join_hosts` reads it.
"""

import sys
from pathlib import Path

from mars_demo.runs import hosts


def main():
    runs, updates = Path(sys.argv[1]), int(sys.argv[2])
    hosts.HEARTBEAT_SECONDS = 10
    hosts.join_hosts()
    from mars_demo.runs import folder, loop
    from tests.mars_demo.conftest import TOY_CONFIG, make_toy_task

    folder.get_task = lambda name: make_toy_task()
    loop.CHECKPOINT_SECONDS = 0.2
    config = TOY_CONFIG.replace(total_steps=updates * TOY_CONFIG.steps_per_update)
    resume = (runs / "checkpoints").exists()
    result = loop.train_run(make_toy_task(), config, runs, resume=resume, bar=False)
    print(f"finished {result.finished}")


if __name__ == "__main__":
    main()
