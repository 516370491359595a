"""TRL's own losses on tensors from standard input, as JSON on standard output; run by `test_trl_formulas.py`.

Its `_compute_loss` methods are called with a model whose log-probabilities are given, so that nothing else of TRL runs.
"""

import json
import sys
from collections import defaultdict
from types import SimpleNamespace

import torch


def accelerator():
    """One process, which has all there is."""
    return SimpleNamespace(
        device=torch.device("cpu"), num_processes=1, sync_gradients=True, gather=lambda x: x,
        gather_for_metrics=lambda x: x, reduce=lambda x, reduction: x,
    )  # fmt: skip


def dpo(given):
    """Return loss and its gradient by each log-probability: chosen rows first, as TRL lays a batch out."""
    from trl.trainer.dpo_trainer import DPOTrainer

    log_probs = torch.tensor(given["log_probs"], dtype=torch.float64, requires_grad=True)
    mask = torch.tensor(given["mask"])
    whole = torch.cat([torch.zeros_like(mask[:, :1]), mask], 1)  # the first token has nothing before it
    zeros = torch.zeros_like(log_probs)
    outputs = SimpleNamespace(
        log_probs=log_probs * mask, entropy=zeros, mean_logits=zeros, is_top1=mask.bool(), log_sum_sq_probs=zeros
    )
    half = len(log_probs) // 2
    reference = torch.tensor(given["reference"], dtype=torch.float64)
    model = SimpleNamespace(training=True)
    self = SimpleNamespace(
        model=model, accelerator=accelerator(), aux_loss_enabled=False, ld_alpha=None, precompute_ref_logps=True,
        f_divergence_type="reverse_kl", loss_types=["sigmoid", "sft"], loss_weights=[1.0, given["nll"]],
        beta=given["beta"], use_weighting=False, _metrics={"train": defaultdict(list)}, _total_train_tokens=0,
        _tp_size=1,
    )  # fmt: skip
    inputs = {
        "input_ids": torch.zeros_like(whole), "attention_mask": torch.ones_like(whole), "completion_mask": whole,
        "ref_chosen_logps": reference[:half], "ref_rejected_logps": reference[half:],
    }  # fmt: skip
    loss = DPOTrainer._compute_loss(self, lambda **_: outputs, inputs, False)
    loss.backward()
    return {"loss": float(loss.detach()), "gradient": log_probs.grad.tolist()}


def grpo(given):
    """Return loss and its gradient by each log-probability under a loss type, at a ratio of 1."""
    from trl.trainer.grpo_trainer import GRPOTrainer

    log_probs = torch.tensor(given["log_probs"], dtype=torch.float64, requires_grad=True)
    mask = torch.tensor(given["mask"])
    self = SimpleNamespace(
        model=SimpleNamespace(training=True), accelerator=accelerator(), aux_loss_enabled=False,
        top_entropy_quantile=1.0, off_policy_mask_threshold=None, importance_sampling_level="token", beta=0.0,
        loss_type=given["loss_type"], epsilon_low=0.2, epsilon_high=0.2, use_vllm=False,
        vllm_importance_sampling_correction=False, max_completion_length=given["most"],
        current_gradient_accumulation_steps=1, _entropy_bonus_enabled=False, _metrics={"train": defaultdict(list)},
        args=SimpleNamespace(delta=None, steps_per_generation=1),
        _get_per_token_logps_and_entropies=lambda *_, **__: (log_probs, torch.zeros_like(log_probs), None),
    )  # fmt: skip
    inputs = {
        "prompt_ids": torch.zeros_like(mask), "prompt_mask": torch.ones_like(mask), "completion_ids": mask,
        "completion_mask": mask, "advantages": torch.tensor(given["advantages"], dtype=torch.float64),
        "num_items_in_batch": mask.sum(),
    }  # fmt: skip
    loss = GRPOTrainer._compute_loss(self, None, inputs)
    loss.backward()
    return {"loss": float(loss.detach()), "gradient": log_probs.grad.tolist()}


if __name__ == "__main__":
    print(json.dumps([{"dpo": dpo, "grpo": grpo}[one["what"]](one) for one in json.load(sys.stdin)]))
