"""`python -m mars_demo.experiments.worker` on the toy task: python toy_worker.py NUMBER SWEEP NAME

After that many evaluations it waits to be asked to stop; it saves after every update. A run
whose folder has a file `die` kills itself after its first evaluation, as one does that runs out of
memory.
"""

import os
import signal
import sys
import time
from pathlib import Path

from mars_demo.experiments import worker
from mars_demo.experiments.evaluations import read_evaluations
from mars_demo.runs import folder, loop

if __name__ == "__main__":
    from conftest import make_toy_task

    patient_at = int(sys.argv.pop(1))
    run = Path(sys.argv[1]) / sys.argv[2]
    evaluate = worker.evaluate_when_due

    def evaluate_and_wait(session):
        evaluate(session)
        if (run / "die").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if len(read_evaluations(run)) == patient_at:
            unasked = signal.getsignal(signal.SIGTERM)
            while signal.getsignal(signal.SIGTERM) is unasked:
                time.sleep(0.05)

    loop.CHECKPOINT_SECONDS = 0.0
    worker.evaluate_when_due = evaluate_and_wait
    worker.get_task = folder.get_task = lambda name: make_toy_task()
    worker.main()
