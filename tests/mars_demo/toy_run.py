"""`mars-demo train` on the toy task, as a program of its own: python toy_run.py FOLDER FILE_LIMIT

It trains for hours and saves after every update. FILE_LIMIT is the size in bytes that no file may
pass, 0 for none: a disk that fills up.
"""

import resource
import sys

from mars_demo.cli import main as cli
from mars_demo.cli import train as train_command
from mars_demo.experiments.training import flags
from mars_demo.runs import folder, loop

if __name__ == "__main__":
    from conftest import TOY_CONFIG, make_toy_task

    out, limit = sys.argv[1], int(sys.argv[2])
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    loop.CHECKPOINT_SECONDS = 0.0
    train_command.get_task = folder.get_task = lambda name: make_toy_task()
    options = flags(TOY_CONFIG.replace(total_steps=10**9))
    cli.main(["train", "paxmen-4", *options, "--out", out, "--no-bar"])
