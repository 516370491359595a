"""Our coefficients beside TRL 1.16's own code, on fixed tensors: GRPO under dapo and dr_grpo, DPO as sigmoid and NLL.

TRL is no dependency. It is where `benchmarks/bench_train.py` unpacks it, or in the folder `POTSTILL_TRL`:
`pip install --no-deps --target FOLDER trl==1.16.0`.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from potstill.recipe import Dpo
from potstill.train.advantages import advantages, coefficients
from potstill.train.preferences import Preferences
from potstill.train.render import Segment
from potstill.train.segments import TokenRow

TRL = Path(os.environ.get("POTSTILL_TRL", Path(sys.prefix) / "peers" / "trl"))

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not (TRL / "trl").is_dir(), reason="TRL is not unpacked"),
]
MOST = 9


def trl(cases):
    """Return what TRL makes of cases, in a process that can import it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TRL), *sys.path[1:]])}
    script = Path(__file__).with_name("trl_formulas.py")
    done = subprocess.run(
        [sys.executable, str(script)], input=json.dumps(cases), env=environment, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def tensors(dice, lengths):
    """Return log-probabilities and their mask, a row each, padded to `MOST`."""
    log_probs = [[-dice.expovariate(1.0) for _ in range(MOST)] for _ in lengths]
    return log_probs, [[int(place < length) for place in range(MOST)] for length in lengths]


def grpo_cases():
    """Yield (case for TRL, our coefficient of each rollout): two groups, one of them of unlike rewards alone."""
    dice = random.Random(3)
    rewards, lengths = [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]], [[4, 2, 7], [3, 9, 5]]
    for kind in ("mean", "std", "leave_one_out"):
        worth = [advantages(group, kind) for group in rewards]
        for denominator, loss_type in (("tokens", "dapo"), ("constant", "dr_grpo")):
            log_probs, mask = tensors(dice, [n for group in lengths for n in group])
            case = {
                "what": "grpo", "log_probs": log_probs, "mask": mask, "loss_type": loss_type, "most": MOST,
                "advantages": [a for group in worth for a in group],
            }  # fmt: skip
            yield case, [k for group in coefficients(worth, lengths, denominator, MOST) for k in group]


def dpo_cases():
    """Yield (case for TRL, our coefficients of each row's tokens, our loss): three pairs, chosen rows first there."""
    dice = random.Random(4)
    for beta, nll in ((0.1, 1.0), (0.7, 0.3)):
        lengths = [4, 2, 9, 5, 6, 1]  # chosen, rejected, chosen, ...
        log_probs, mask = tensors(dice, lengths)
        sums = [sum(row[:n]) for row, n in zip(log_probs, lengths, strict=True)]
        reference = [value + dice.gauss(0, 2) for value in sums]
        rows = [TokenRow((0,) * (n + 1), bytes([Segment.PROMPT] + [Segment.REASONING] * n), 0) for n in lengths]
        known = Preferences(dpo=Dpo(beta=beta, nll=nll), reference=reference, digest="")
        weights, told = known.weigh(range(6), rows, sums)
        theirs = [0, 2, 4, 1, 3, 5]
        case = {
            "what": "dpo", "log_probs": [log_probs[n] for n in theirs], "mask": [mask[n] for n in theirs],
            "reference": [reference[n] for n in theirs], "beta": beta, "nll": nll,
        }  # fmt: skip
        yield case, [[*weights[n][1:], *[0.0] * (MOST - lengths[n])] for n in theirs], told["loss"]


def test_losses_and_gradients_are_those_of_trl():
    of_grpo, of_dpo = list(grpo_cases()), list(dpo_cases())
    found = trl([case for case, *_ in [*of_grpo, *of_dpo]])
    for (case, ks), theirs in zip(of_grpo, found, strict=False):
        ours = [[-k * inside for inside in row] for k, row in zip(ks, case["mask"], strict=True)]
        assert theirs["gradient"] == [pytest.approx(row, rel=1e-10, abs=1e-15) for row in ours], case["loss_type"]
        value = -sum(k * sum(row) for k, row in zip(ks, case["mask"], strict=True))
        assert theirs["loss"] == pytest.approx(value, rel=1e-6, abs=1e-9)
    for (case, weights, loss), theirs in zip(of_dpo, found[len(of_grpo) :], strict=True):
        ours = [[-k for k in row] for row in weights]
        assert theirs["gradient"] == [pytest.approx(row, rel=1e-10, abs=1e-15) for row in ours]
        assert theirs["loss"] == pytest.approx(loss, rel=1e-10), case["beta"]
