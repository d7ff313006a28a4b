"""Two hosts on the loopback, a device each: they train one run, and do not wait for the dead."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mars_demo.runs.checkpoint import list_checkpoints
from mars_demo.runs.hosts import join_hosts
from mars_demo.runs.metrics import read_metrics
from tests.patience import HANG_SECONDS, wait_until

PROJECT = Path(__file__).parents[3]
MANY = 1_000_000  # updates, more than there is time for


def start(folder, updates):
    """The two hosts; what they print goes to files beside the folder."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    hosts = []
    for place in range(2):
        environment = os.environ | {
            "JAX_PLATFORMS": "cpu",
            "JAX_COORDINATOR_ADDRESS": address,
            "JAX_NUM_PROCESSES": "2",
            "JAX_PROCESS_ID": str(place),
        }
        command = [sys.executable, "-m", "tests.mars_demo.toy_host", str(folder), str(updates)]
        with open(folder.with_name(f"output_{place}.txt"), "ab") as output:
            hosts.append(
                subprocess.Popen(
                    command, cwd=PROJECT, env=environment, stdout=output, stderr=subprocess.STDOUT
                )
            )
    return hosts


def wait_for_checkpoint(folder, hosts):
    def saved():
        assert all(host.poll() is None for host in hosts), outputs(folder)
        return list_checkpoints(folder / "checkpoints")

    wait_until(saved)


def outputs(folder):
    return [folder.with_name(f"output_{place}.txt").read_text()[-300:] for place in range(2)]


@pytest.fixture
def ended():
    """Processes that are no longer needed at a test's end."""
    processes = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_run_outlives_the_death_of_a_host(tmp_path, ended, victim):
    """The other ends by itself, and the same command goes on from the last checkpoint."""
    folder = tmp_path / "run"
    hosts = start(folder, 300)
    ended += hosts
    wait_for_checkpoint(folder, hosts)
    hosts[victim].send_signal(signal.SIGKILL)
    assert hosts[1 - victim].wait(HANG_SECONDS) != 0
    (before,) = list_checkpoints(folder / "checkpoints")[-1:]

    again = start(folder, 300)
    ended += again
    assert [host.wait(HANG_SECONDS) for host in again] == [0, 0], outputs(folder)
    after = list_checkpoints(folder / "checkpoints")[-1]
    assert after.stem > before.stem
    steps = [line["step"] for line in read_metrics(folder)]
    assert steps == sorted(set(steps))
    assert steps[-1] == 300 * 16 * 8


@pytest.mark.slow
def test_a_signal_to_one_host_stops_both(tmp_path, ended):
    folder = tmp_path / "run"
    hosts = start(folder, MANY)
    ended += hosts
    wait_for_checkpoint(folder, hosts)
    hosts[1].send_signal(signal.SIGTERM)
    assert [host.wait(HANG_SECONDS) for host in hosts] == [0, 0], outputs(folder)
    assert all("finished False" in output for output in outputs(folder))


def test_nobody_to_join_is_said(monkeypatch):
    monkeypatch.delenv("JAX_COORDINATOR_ADDRESS", raising=False)
    with pytest.raises(ValueError, match="JAX_COORDINATOR_ADDRESS"):
        join_hosts()
