"""One of several hosts that train the toy task together: a program of test_hosts.py.

    python -m tests.mars_demo.toy_host FOLDER UPDATES

The environment says who the others are, as `mars_demo.runs.hosts.join_hosts` reads it.
"""

import sys
from pathlib import Path

from mars_demo.runs import hosts


def main():
    folder, updates = Path(sys.argv[1]), int(sys.argv[2])
    hosts.HEARTBEAT_SECONDS = 10
    hosts.join_hosts()
    from mars_demo.runs import folder as run
    from mars_demo.runs import loop as session
    from tests.mars_demo.conftest import TOY_CONFIG, make_toy_task

    run.get_task = lambda name: make_toy_task()
    session.CHECKPOINT_SECONDS = 0.2
    config = TOY_CONFIG.replace(total_steps=updates * TOY_CONFIG.steps_per_update)
    resume = (folder / "checkpoints").exists()
    result = run.train_run(make_toy_task(), config, folder, resume=resume, bar=False)
    print(f"finished {result.finished}")


if __name__ == "__main__":
    main()
