"""Breaks the code on purpose, one line at a time, and sees the tests go red.

    python tests/mutants.py                 # every mutant: half an hour to an hour on two cores
    python tests/mutants.py update.py       # those whose file or line holds the word

Each mutant is tried in a copy of the files that git tracks, by the tests named with it. One that
survives is printed, and the exit status is then 1. Tests that are red without any mutant, and a
line that is not in its file exactly once, are errors: such a mutant proves nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
WORKERS = 2


class Mutant(NamedTuple):
    """A change that a test must notice.

    Attributes:
        file: the file that is changed.
        line: text that is in it exactly once.
        broken: what stands there instead.
        tests: what pytest runs, separated by spaces.
    """

    file: str
    line: str
    broken: str
    tests: str

    def __str__(self) -> str:
        return f"{self.file}: {self.line.strip()!r} -> {self.broken.strip()!r}"


# --- paxmen --------------------------------------------------------------------------------------
PAXMEN: list[Mutant] = []

# --- aerojax -------------------------------------------------------------------------------------
AEROJAX: list[Mutant] = []

# --- wrappers ------------------------------------------------------------------------------------
WRAPPERS: list[Mutant] = []

# --- viewers and adapters to other libraries -----------------------------------------------------
CLIENTS: list[Mutant] = []

# --- mars_demo: learning -------------------------------------------------------------------------
LEARNING: list[Mutant] = [
    Mutant(
        "mars_demo/learning/update.py",
        "- surrogate - config.entropy * bonus",
        "- surrogate + config.entropy * bonus",
        "tests/mars_demo/learning/test_update.py::test_the_loss_by_hand",
    ),
    Mutant(
        "mars_demo/learning/update.py",
        "value_loss = 0.5 * jnp.mean",
        "value_loss = jnp.mean",
        "tests/mars_demo/learning/test_update.py::test_the_loss_by_hand",
    ),
    Mutant(
        "mars_demo/learning/update.py",
        "surrogate = mean(objective(",
        "surrogate = jnp.mean(objective(",
        "tests/mars_demo/learning/test_update.py::test_the_loss_by_hand",
    ),
    Mutant(
        "mars_demo/learning/update.py",
        "optax.clip_by_global_norm(config.max_grad_norm)",
        "optax.identity()",
        "tests/mars_demo/learning/test_update.py::test_the_optimiser_by_hand",
    ),
    Mutant(
        "mars_demo/learning/update.py",
        '{"actor": "actor", "critic": "critic"}',
        '{"actor": "actor", "critic": "actor"}',
        "tests/mars_demo/learning/test_update.py::test_the_optimiser_by_hand",
    ),
    Mutant(
        "mars_demo/learning/update.py",
        "eps=1e-5",
        "eps=1e-8",
        "tests/mars_demo/learning/test_update.py::test_the_optimiser_by_hand",
    ),
    Mutant(
        "mars_demo/learning/update.py",
        "config.num_updates * config.epochs * config.minibatches",
        "config.num_updates * config.epochs",
        "tests/mars_demo/learning/test_update.py::test_the_optimiser_by_hand",
    ),
    Mutant(
        "mars_demo/learning/update.py",
        "jax.random.permutation(k, num_envs))(keys)",
        "jax.random.permutation(keys[0], num_envs))(keys)",
        "tests/mars_demo/learning/test_update.py::test_each_epoch_has_an_order_of_its_own",
    ),
    Mutant(
        "mars_demo/learning/update.py",
        "jax.random.permutation(k, num_envs)",
        "jnp.arange(num_envs)",
        "tests/mars_demo/learning/test_update.py::test_each_epoch_has_an_order_of_its_own",
    ),
    Mutant(
        "mars_demo/learning/update.py",
        'optax.tree.norm(grads["actor"])',
        "optax.tree.norm(grads)",
        "tests/mars_demo/learning/test_update.py::test_metrics_of_an_update_that_moves_nothing",
    ),
    Mutant(
        "mars_demo/learning/update.py",
        "memory=batch.memory[envs]",
        "memory=batch.memory[: envs.shape[0]]",
        "tests/mars_demo/learning/test_train.py::test_memory_is_replayed_as_it_was_collected",
    ),
    Mutant(
        "mars_demo/learning/objectives.py",
        "BARRIER_LINEAR_BEYOND = 4.0",
        "BARRIER_LINEAR_BEYOND = 5.0",
        "tests/mars_demo/learning/test_objectives.py::test_where_they_are_straight_lines",
    ),
    Mutant(
        "mars_demo/learning/objectives.py",
        "RATIO_LINEAR_BEYOND = 16.0",
        "RATIO_LINEAR_BEYOND = 17.0",
        "tests/mars_demo/learning/test_objectives.py::test_where_they_are_straight_lines",
    ),
    Mutant(
        "mars_demo/learning/objectives.py",
        "math.sinh(BARRIER_LINEAR_BEYOND) * far",
        "math.cosh(BARRIER_LINEAR_BEYOND) * far",
        "tests/mars_demo/learning/test_objectives.py::test_where_they_are_straight_lines",
    ),
    Mutant(
        "mars_demo/learning/objectives.py",
        "DECOUPLING = 1.4",
        "DECOUPLING = 1.5",
        "tests/mars_demo/learning/test_objectives.py::test_maxima",
    ),
    Mutant(
        "mars_demo/learning/objectives.py",
        "jnp.where(advantage > 0, eps, _reciprocal_width(eps))",
        "jnp.where(advantage > 0, eps, eps)",
        "tests/mars_demo/learning/test_objectives.py::test_maxima",
    ),
    Mutant(
        "mars_demo/learning/returns.py",
        "jnp.where(terminated_t, 0.0, next_value_t)",
        "jnp.where(done_t, 0.0, next_value_t)",
        "tests/mars_demo/learning/test_returns.py",
    ),
    Mutant(
        "mars_demo/learning/returns.py",
        "jnp.where(done_t, 0.0, gamma * gae_lambda)",
        "jnp.where(terminated_t, 0.0, gamma * gae_lambda)",
        "tests/mars_demo/learning/test_returns.py",
    ),
    Mutant(
        "mars_demo/learning/returns.py",
        "jnp.mean(jnp.square(x - mean))",
        "jnp.mean(jnp.square(x)) - jnp.square(mean)",
        "tests/mars_demo/learning/test_returns.py",
    ),
    Mutant(
        "mars_demo/learning/value_scale.py",
        "rate = (1.0 - DECAY) / weight",
        "rate = jnp.ones_like(weight) - DECAY",
        "tests/mars_demo/learning/test_value_scale.py::test_the_first_returns_set_the_scale_and_later_ones_move_it",
    ),
    Mutant(
        "mars_demo/learning/value_scale.py",
        "rate * (1.0 - rate) * jnp.square(shift)",
        "rate * jnp.square(shift)",
        "tests/mars_demo/learning/test_value_scale.py::test_moments_are_those_of_all_returns_weighted_by_their_age",
    ),
    Mutant(
        "mars_demo/learning/value_scale.py",
        'last["bias"] * ratio + (old',
        'last["bias"] + (old',
        "tests/mars_demo/learning/test_value_scale.py::test_a_rescaled_critic_says_what_it_said",
    ),
    Mutant(
        "mars_demo/learning/value_scale.py",
        "(old.mean - new.mean) / new.deviation",
        "(old.mean - new.mean) / old.deviation",
        "tests/mars_demo/learning/test_value_scale.py::test_a_rescaled_critic_says_what_it_said",
    ),
    Mutant(
        "mars_demo/learning/train.py",
        "(target - scale.mean) / scale.deviation",
        "(target - state.value_scale.mean) / scale.deviation",
        "tests/mars_demo/learning/test_value_scale.py::test_targets_are_in_the_new_scale_and_values_in_the_old",
    ),
    Mutant(
        "mars_demo/learning/train.py",
        "return scale.mean + scale.deviation * units",
        "return scale.deviation * units",
        "tests/mars_demo/learning/test_value_scale.py::test_targets_are_in_the_new_scale_and_values_in_the_old",
    ),
    Mutant(
        "mars_demo/learning/train.py",
        "critic = rescale(critic, state.value_scale, scale)",
        "critic = rescale(critic, scale, state.value_scale)",
        "tests/mars_demo/learning/test_value_scale.py::test_targets_are_in_the_new_scale_and_values_in_the_old",
    ),
    Mutant(
        "mars_demo/learning/train.py",
        "< updates\n",
        "<= updates\n",
        "tests/mars_demo/learning/test_train.py::test_what_counts_as_a_whole_episode",
    ),
    Mutant(
        "mars_demo/learning/train.py",
        "begun = state.updates if self.config.stagger else None",
        "begun = None",
        "tests/mars_demo/learning/test_train.py::test_episodes_cut_short_by_the_stagger_are_not_counted",
    ),
    Mutant(
        "mars_demo/learning/train.py",
        "        check_one_team(task.name, self.env)\n",
        "",
        "tests/mars_demo/tasks/test_registry.py::test_two_teams_are_refused",
    ),
    Mutant(
        "mars_demo/learning/rollout.py",
        "decides=progress.view.decides & ~progress.gone",
        "decides=progress.view.decides",
        "tests/mars_demo/learning/test_rollout.py",
    ),
    Mutant(
        "mars_demo/learning/rollout.py",
        "env.agents).T & ~done[:, None]",
        "env.agents).T",
        "tests/mars_demo/learning/test_rollout.py",
    ),
    Mutant(
        "mars_demo/learning/rollout.py",
        "reward = jnp.mean(stack_agents(rewards",
        "reward = jnp.sum(stack_agents(rewards",
        "tests/mars_demo/learning/test_rollout.py",
    ),
    Mutant(
        "mars_demo/learning/rollout.py",
        'jax.vmap(view.world)(info["final_observation"])',
        "jax.vmap(view.world)(obs)",
        "tests/mars_demo/learning/test_rollout.py",
    ),
    Mutant(
        "mars_demo/learning/rollout.py",
        'terminated=info["terminated"]',
        "terminated=done",
        "tests/mars_demo/learning/test_rollout.py",
    ),
    Mutant(
        "mars_demo/learning/rollout.py",
        "jnp.where(done, 0, total)",
        "jnp.where(done, 0, 0 * total)",
        "tests/mars_demo/learning/test_rollout.py",
    ),
    Mutant(
        "mars_demo/learning/rollout.py",
        "due = ages == episode_length - 1 - step",
        "due = ages == episode_length - 2 - step",
        "tests/mars_demo/learning/test_train.py::test_stagger_spreads_ages_over_the_episode",
    ),
    Mutant(
        "mars_demo/learning/distributions.py",
        "jnp.broadcast_to(_bounded(scales)",
        "jnp.broadcast_to(jnp.clip(scales, *_LOG_SCALES)",
        "tests/mars_demo/learning/test_distributions.py",
    ),
    Mutant(
        "mars_demo/learning/distributions.py",
        "1.0 / (1.0 + below) - 1.0 / (1.0 + above)",
        "jnp.exp(-below) - jnp.exp(-above)",
        "tests/mars_demo/learning/test_distributions.py",
    ),
    Mutant(
        "mars_demo/learning/distributions.py",
        "uniform * jnp.max(sums, axis=-1, keepdims=True)",
        "uniform",
        "tests/mars_demo/learning/test_distributions.py",
    ),
    Mutant(
        "mars_demo/learning/distributions.py",
        "density - self._log_slope(action)",
        "density + self._log_slope(action)",
        "tests/mars_demo/learning/test_distributions.py",
    ),
    Mutant(
        "mars_demo/learning/distributions.py",
        "entropy + _total(nodes)",
        "entropy - _total(nodes)",
        "tests/mars_demo/learning/test_distributions.py",
    ),
    Mutant(
        "mars_demo/learning/networks.py",
        '0.01, "logits"',
        '1.0, "logits"',
        "tests/mars_demo/learning/test_networks.py",
    ),
    Mutant(
        "mars_demo/learning/networks.py",
        'self.param("log_scale", zeros_init()',
        'self.param("log_scale", nn.initializers.ones',
        "tests/mars_demo/learning/test_networks.py",
    ),
    Mutant(
        "mars_demo/learning/networks.py",
        "jnp.concatenate([x, features[..., pixels:]], axis=-1)",
        "x",
        "tests/mars_demo/learning/test_networks.py",
    ),
    Mutant(
        "mars_demo/learning/gru.py",
        "after = (1.0 - z) * n + z * h",
        "after = z * n + (1.0 - z) * h",
        "tests/mars_demo/learning/test_gru.py::test_states_and_gradients_are_those_of_flax",
    ),
    Mutant(
        "mars_demo/learning/gru.py",
        "grad_z = grad * (h - n) * z * (1.0 - z)",
        "grad_z = grad * (h - n) * z",
        "tests/mars_demo/learning/test_gru.py::test_states_and_gradients_are_those_of_flax",
    ),
    Mutant(
        "mars_demo/learning/gru.py",
        "return jnp.where(first_t[..., None], 0.0, before), (grad_n",
        "return before, (grad_n",
        "tests/mars_demo/learning/test_gru.py::test_states_and_gradients_are_those_of_flax",
    ),
    Mutant(
        "mars_demo/learning/team.py",
        "return _take(x, tuple(np.argsort(order)), axis)",
        "return _take(x, order, axis)",
        "tests/mars_demo/learning/test_team.py",
    ),
    Mutant(
        "mars_demo/learning/team.py",
        "jax.random.split(key, len(self.groups)) if len",
        "jnp.stack([key] * len(self.groups)) if len",
        "tests/mars_demo/learning/test_team.py",
    ),
    Mutant(
        "mars_demo/learning/diagnostics.py",
        "> jnp.log1p(eps))",
        "> eps)",
        "tests/mars_demo/learning/test_diagnostics.py",
    ),
    Mutant(
        "mars_demo/learning/diagnostics.py",
        "kl=total(excess - log_ratio, decides)",
        "kl=total(-log_ratio, decides)",
        "tests/mars_demo/learning/test_diagnostics.py",
    ),
    Mutant(
        "mars_demo/learning/diagnostics.py",
        "jnp.expm1(highs[0])",
        "jnp.expm1(highest)",
        "tests/mars_demo/learning/test_diagnostics.py",
    ),
    Mutant(
        "mars_demo/learning/diagnostics.py",
        "(log_ratio[None] < edges) & decides[None]",
        "log_ratio[None] < edges",
        "tests/mars_demo/learning/test_diagnostics.py",
    ),
    Mutant(
        "mars_demo/learning/sharding.py",
        "jax.random.fold_in(key, jax.lax.axis_index(AXIS))",
        "jax.random.fold_in(key, 1)",
        "tests/mars_demo/learning/test_sharding.py::test_what_devices_do_together",
    ),
    Mutant(
        "mars_demo/learning/sharding.py",
        "jax.lax.pmax(tree, AXIS)",
        "jax.lax.pmin(tree, AXIS)",
        "tests/mars_demo/learning/test_sharding.py::test_what_devices_do_together",
    ),
    Mutant(
        "mars_demo/learning/config.py",
        "return -(-self.total_steps // self.steps_per_update)",
        "return self.total_steps // self.steps_per_update",
        "tests/mars_demo/learning/test_config.py::test_a_run_is_whole_updates",
    ),
    Mutant(
        "mars_demo/learning/config.py",
        "type(value) is not type(names[str(value)])",
        "False",
        "tests/mars_demo/learning/test_config.py::test_what_is_no_choice",
    ),
    Mutant(
        "mars_demo/learning/task.py",
        "if len(teams) > 1:",
        "if len(teams) > 2:",
        "tests/mars_demo/tasks/test_registry.py::test_two_teams_are_refused",
    ),
    Mutant(
        "wrappers/teams.py",
        'if agent in good else "adversaries"',
        'if agent in good else "good agents"',
        "tests/wrappers/test_teams.py",
    ),
]

# --- mars_demo: runs and files -------------------------------------------------------------------
RUNS: list[Mutant] = []

# --- mars_demo: experiments and commands ---------------------------------------------------------
EXPERIMENTS: list[Mutant] = []

MUTANTS = [*PAXMEN, *AEROJAX, *WRAPPERS, *CLIENTS, *LEARNING, *RUNS, *EXPERIMENTS]


def main(words: list[str]) -> int:
    """Tries the mutants that hold every word; the number of those that survive, at most 1."""
    chosen = [mutant for mutant in MUTANTS if all(word in str(mutant) for word in words)]
    if not chosen:
        raise SystemExit(f"no mutant holds {' and '.join(words)}")
    with tempfile.TemporaryDirectory(prefix="mutants_") as folder:
        copies: Queue[Path] = Queue()
        for number in range(WORKERS):
            copies.put(copy_tree(Path(folder) / str(number)))
        with ThreadPoolExecutor(WORKERS) as pool:
            wanted = sorted({mutant.tests for mutant in chosen})
            greens = pool.map(lambda tests: passes(copies, tests), wanted)
            for tests, green in zip(wanted, greens, strict=True):
                if not green:
                    raise SystemExit(f"red without any mutant: {tests}")
            survived = 0
            alives = pool.map(lambda mutant: survives(copies, mutant), chosen)
            for mutant, alive in zip(chosen, alives, strict=True):
                print("SURVIVED" if alive else "caught  ", mutant, flush=True)
                survived += alive
    print(f"{len(chosen) - survived} of {len(chosen)} mutants caught")
    return min(survived, 1)


def copy_tree(target: Path) -> Path:
    """A copy of what git tracks."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    return target


def survives(copies: Queue[Path], mutant: Mutant) -> bool:
    """Whether the tests stay green with the mutant in."""
    original = (ROOT / mutant.file).read_text()
    if original.count(mutant.line) != 1:
        raise SystemExit(f"{mutant}: that is {original.count(mutant.line)} times in the file")
    copy = copies.get()
    try:
        (copy / mutant.file).write_text(original.replace(mutant.line, mutant.broken))
        return run_tests(copy, mutant.tests)
    finally:
        (copy / mutant.file).write_text(original)
        copies.put(copy)


def passes(copies: Queue[Path], tests: str) -> bool:
    """Whether the tests are green as they stand."""
    copy = copies.get()
    try:
        return run_tests(copy, tests)
    finally:
        copies.put(copy)


def run_tests(copy: Path, tests: str) -> bool:
    # Bytecode would outlive a change within the same second and of the same size.
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests.split()]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):  # pytest could not run them
        raise SystemExit(f"pytest cannot run {tests}: {(done.stdout + done.stderr)[-500:]}")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
