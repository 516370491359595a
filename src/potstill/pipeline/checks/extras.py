"""Packages of extras that a run will import: looked for without importing them."""

from __future__ import annotations

from importlib.util import find_spec

from potstill.errors import MissingExtraError
from potstill.models.served.proxies import is_loopback
from potstill.pipeline.checks.scene import Arm, Scene, Teaching
from potstill.recipe import Executor, LocalTeacher, ServedTeacher, Source
from potstill.train.students import PACKAGED, packaged_file

TRAINING = ("torch", "transformers", "tokenizers", "safetensors", "accelerate")


def need(needed_for: str, extra: str, *modules: str) -> None:
    """Raise MissingExtraError for the first module that is not installed."""
    for module in modules:
        try:
            found = find_spec(module) is not None
        except ValueError:  # in place of a module somebody put nothing
            found = False
        if not found:
            raise MissingExtraError(needed_for, module.replace("_", "-"), extra)


def of_source(source: Source, where: str, scene: Scene) -> None:
    """Name what a source reads its rows with."""
    del scene
    if source.dataset is not None:
        need(f"{where}.dataset", "hub", "datasets")


def of_teacher(teaching: Teaching, where: str, scene: Scene) -> None:
    """Name what asks a teacher, a judge and a reward model, and what compares answers by their values."""
    del scene
    teacher, checks = teaching.teacher, teaching.checks
    if isinstance(teacher, ServedTeacher):
        need(f"{where}.kind served", "served", "aiohttp")
        if teacher.price is None and not all(map(is_loopback, teacher.addresses)):
            need(f"{where}.price, which is not written,", "served", "genai_prices")
    if isinstance(teacher, LocalTeacher):
        if teacher.engine == "vllm":
            need(f"{where}.engine vllm, in an environment of its own,", "vllm", "vllm")
        else:
            need(f"{where}.kind local", "train", *TRAINING)
    if checks.judge is not None:
        need("checks.judge", "served", "aiohttp")
    if checks.reward is not None:
        need("checks.reward", "train", *TRAINING)


def of_executor(executor: Executor, where: str, scene: Scene) -> None:
    """Name what talks to a cluster."""
    del executor, scene
    need(where, "ray", "ray")


def of_student(arm: Arm, where: str, scene: Scene) -> None:
    """Name what trains and measures a student."""
    del scene
    need(where, "train", *TRAINING)
    if arm.student.lora is not None:
        need(f"{where}.lora", "train", "peft")
    if arm.student.model == PACKAGED and packaged_file() is not None:
        need(f"{where}.model {PACKAGED}", "train", "gguf")
