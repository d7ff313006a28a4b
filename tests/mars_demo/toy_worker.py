"""`python -m mars_demo.experiments.worker` on the toy task: python toy_worker.py SECONDS SWEEP NAME

It waits so many seconds after each evaluation, and saves after every update. A run whose folder
has a file `die` kills itself after its first evaluation, as one does that runs out of memory.
"""

import os
import signal
import sys
import time
from pathlib import Path

from mars_demo.experiments import worker
from mars_demo.runs import folder as runs
from mars_demo.runs import loop as session

if __name__ == "__main__":
    from conftest import make_toy_task

    pause = float(sys.argv.pop(1))
    folder = Path(sys.argv[1]) / sys.argv[2]
    evaluate = worker.evaluate_when_due

    def evaluate_and_wait(run):
        evaluate(run)
        if (folder / "die").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(pause)

    session.CHECKPOINT_SECONDS = 0.0
    worker.evaluate_when_due = evaluate_and_wait
    worker.get_task = runs.get_task = lambda name: make_toy_task()
    worker.main()
