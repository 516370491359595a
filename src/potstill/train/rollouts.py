"""What a student in training answers to training problems, and what each answer is worth: drawn, judged, on disk.

Groups are drawn in parts of a fixed size. A part is on disk before it is judged and its verdicts before they are used,
so a training that was killed goes on with what was drawn, draws none of it again, and judges nothing twice; a part that
was under way is drawn anew beside the same rows, and so becomes the same.
"""

from __future__ import annotations

import itertools
import shutil
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill import recipe
from potstill.durable import read_record, to_record, write_durably
from potstill.errors import DamageError, StudentError
from potstill.models.flops import ModelShape, sampled_flops
from potstill.models.local.model import row_seed
from potstill.records import Problem, Trace
from potstill.train.order import stream
from potstill.train.render import Segment, ask, prompt_text, split
from potstill.train.rewards import Answered, Rewarding, StepRewards, TermReward
from potstill.train.rewards.verdict import reward_of
from potstill.train.segments import TokenRow
from potstill.train.worth import StepWorth, Worth

if TYPE_CHECKING:
    from potstill.models.local.live import Drawn, LiveSampler
    from potstill.verify import Verdicts


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompted:
    """A problem as the student is asked it: the tokens of its rendered prompt."""

    problem: Problem
    ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedRollout:
    """One answer: the tokens drawn, EOS included, how it ended, and 1 where it is right, None where nobody knows.

    `logs` is log p of each token as it was drawn, `entropy` that of the distributions drawn from, summed, in nats.
    `worth` has what each term of the rewards says, where answers are rewarded.
    """

    ids: tuple[int, ...]
    logs: tuple[float, ...]
    entropy: float
    truncated: bool
    reward: float | None
    worth: tuple[Worth, ...] = ()

    @property
    def surprisal(self) -> float:
        """-log p of the answer, in nats."""
        return -sum(self.logs)


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutGroup:
    """The rollouts of one problem in one step."""

    asked: Prompted
    rollouts: tuple[JudgedRollout, ...]

    @property
    def rewards(self) -> list[float | None]:
        """Whether each is right."""
        return [rollout.reward for rollout in self.rollouts]

    @property
    def tokens(self) -> int:
        """Tokens of its rows, each with the prompt."""
        return sum(len(self.asked.ids) + len(rollout.ids) for rollout in self.rollouts)

    def row(self, rollout: JudgedRollout, number: int) -> TokenRow:
        """Return a rollout as a row to train on: what it wrote is one segment, the tokens as they were drawn."""
        segments = bytes([Segment.PROMPT]) * len(self.asked.ids) + bytes([Segment.REASONING]) * len(rollout.ids)
        return TokenRow((*self.asked.ids, *rollout.ids), segments, number)

    def flops(self, shape: ModelShape) -> int:
        """Return what drawing it took; the prompt counts for each, as everywhere, though it is read once."""
        return sum(sampled_flops(shape, len(self.asked.ids), len(rollout.ids)) for rollout in self.rollouts)


class Prompts:
    """Training problems as the student is asked them, in the order in which the steps take them.

    Those whose answers nothing can judge are left out, unless `unchecked` lets them in.
    """

    def __init__(
        self, problems: Sequence[Problem], tokenizer: Any, student: recipe.Student, most: int, seed: int,  # noqa: ANN401
        *, unchecked: bool = False,
    ) -> None:  # fmt: skip
        self.asked, self.dropped, self.seed = [], {"no check": 0, "no room for an answer": 0}, seed
        for problem in problems:
            text = prompt_text(tokenizer, ask(student, problem.statement))
            ids = tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
            why = (
                "no check"
                if not (problem.has_check or unchecked)
                else "no room for an answer"
                if len(ids) >= most
                else ""
            )
            if why:
                self.dropped[why] += 1
            else:
                self.asked.append(Prompted(problem=problem, ids=ids))
        self.dropped = {reason: count for reason, count in self.dropped.items() if count}
        if not self.asked:
            told = ", ".join(f"{count} with {reason}" for reason, count in self.dropped.items()) or "there are none"
            raise StudentError(f"no problem is left to train on: {told}")

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt."""
        return max(len(asked.ids) for asked in self.asked)

    def of(self, first: int, count: int) -> list[tuple[Prompted, int]]:
        """Return `count` problems from the place `first` of the endless order on, each with its round through all."""
        found = itertools.islice(stream(range(len(self.asked)), self.seed, shuffle=True), first, first + count)
        return [(self.asked[index], (first + place) // len(self.asked)) for place, index in enumerate(found)]


class Drawing:
    """Draws and judges the groups of a step, `rollouts` a problem, through a journal in `folder`."""

    def __init__(
        self, sampler: LiveSampler, tokenizer: Any, verdicts: Verdicts, student: recipe.Student,  # noqa: ANN401
        settings: recipe.Grpo | recipe.OnPolicy, strategy: str, folder: Path, seed: int,
        rewarding: Rewarding | None = None,
    ) -> None:  # fmt: skip
        self.sampler, self.tokenizer, self.verdicts = sampler, tokenizer, verdicts
        self.strategy, self.student, self.settings, self.folder, self.seed = strategy, student, settings, folder, seed
        self.rewarding = rewarding

    def groups(self, name: str, chosen: Sequence[tuple[Prompted, int]], most: int = 0) -> Iterator[RolloutGroup]:
        """Yield the groups of the step `name`, in order; `most` is how many rollouts a problem gets if not as usual."""
        count = most or self.settings.rollouts
        together = max(1, self.settings.together // count)
        for part, start in enumerate(range(0, len(chosen), together)):
            yield from self._part(f"{name}-{part:04d}", chosen[start : start + together], count)

    def _part(self, name: str, chosen: Sequence[tuple[Prompted, int]], count: int) -> Iterator[RolloutGroup]:
        drawn = self._kept(f"{name}.drawn") or self._draw(name, chosen, count)
        judged = self._kept(f"{name}.judged") or self._judge(name, chosen, drawn, count)
        rollouts = [
            JudgedRollout(
                ids=tuple(ids), logs=tuple(logs), entropy=entropy, truncated=finish == "length",
                reward=None if reward is None else float(reward), worth=tuple(map(_worth, worth)),
            )
            for (ids, logs, entropy, finish), (reward, *worth) in zip(drawn["rollouts"], judged["rewards"], strict=True)
        ]  # fmt: skip
        for number, (asked, _) in enumerate(chosen):
            yield RolloutGroup(asked=asked, rollouts=tuple(rollouts[number * count : (number + 1) * count]))

    def _draw(self, name: str, chosen: Sequence[tuple[Prompted, int]], count: int) -> dict[str, Any]:
        prompts = [asked.ids for asked, _ in chosen for _ in range(count)]
        seeds = [
            row_seed(self.seed, name.partition("-")[0] == "start", asked.problem.key, turn * count + sample)
            for asked, turn in chosen for sample in range(count)
        ]  # fmt: skip
        found = self.sampler.draw(prompts, seeds, self.settings.max_tokens)
        return self._keep(f"{name}.drawn", {"rollouts": [_plain(drawn) for drawn in found]})

    def _judge(
        self, name: str, chosen: Sequence[tuple[Prompted, int]], drawn: dict[str, Any], count: int
    ) -> dict[str, Any]:  # fmt: skip
        traces, texts = [], []
        for place, (ids, _, _, finish) in enumerate(drawn["rollouts"]):
            asked, turn = chosen[place // count]
            written = ids[:-1] if finish == "stop" else ids
            text = self._text(written)
            reasoning, answer = split(self.student, text)
            trace = Trace(
                problem_key=asked.problem.key, teacher=name, strategy=self.strategy, prompt_key="",
                sample=turn * count + place % count, attempt=0, sampling="{}", reasoning=reasoning, answer=answer,
                finish=finish,
            )  # fmt: skip
            traces.append((asked.problem, trace))
            texts.append(text)
        answers = [
            Answered(problem=problem, trace=trace, verdict=verdict, written=text)
            for (problem, trace), text, verdict in zip(traces, texts, self.verdicts.many(traces), strict=True)
        ]
        said = [()] * len(answers) if self.rewarding is None else self.rewarding.of(answers)
        rewards = [
            [reward_of(one.verdict), *(self._noted(term, one, ids) for term in terms)]
            for one, terms, (ids, *_) in zip(answers, said, drawn["rollouts"], strict=True)
        ]
        return self._keep(f"{name}.judged", {"rewards": rewards})

    def _text(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(ids, clean_up_tokenization_spaces=False))

    def _noted(self, said: TermReward, one: Answered, ids: Sequence[int]) -> Any:  # noqa: ANN401 - what JSON holds
        """Return a reward as it is written down: the spans of steps as the tokens at which they end.

        A token that two steps share belongs to the later one. Decoding is monotone in the number of tokens, so each end
        is found by halving.
        """
        if not isinstance(said, StepRewards):
            return said
        before = one.written.find(one.trace.reasoning)
        places = range(len(ids) + 1)
        ends = [
            bisect_right(places, before + span.end, key=lambda count: len(self._text(ids[:count]))) - 1
            for span in said.spans
        ]
        return {"ends": ends, "scores": list(said.scores)}

    def _kept(self, name: str) -> dict[str, Any]:
        """Return what was written under a name, nothing where it is not there or not as it was written."""
        try:
            return read_record(self.folder / f"{name}.json")
        except DamageError:
            return {}

    def _keep(self, name: str, record: dict[str, Any]) -> dict[str, Any]:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_durably(self.folder / f"{name}.json", to_record(record))
        return record

    def forget(self, before: int) -> None:
        """Take away what steps before a checkpoint drew: nobody comes back to them."""
        for path in self.folder.glob("step-*"):
            if int(path.name.split("-")[1]) < before:
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Take all of it away."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _worth(noted: Any) -> Worth:  # noqa: ANN401 - what JSON holds
    if isinstance(noted, dict):
        return StepWorth(tuple(noted["ends"]), tuple(noted["scores"]))
    return None if noted is None else float(noted)


def _plain(drawn: Drawn) -> list[Any]:
    return [list(drawn.ids), list(drawn.logs), drawn.entropy, drawn.finish]
