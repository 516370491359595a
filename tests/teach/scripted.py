"""A server that behaves by what it is asked, for strategies of several calls; and one teaching without a run around."""

import io

import stub_server

from potstill import recipe
from potstill.models.flops import Account
from potstill.models.served.client import ServedModel
from potstill.progress import Progress
from potstill.teach.served import served_traces
from potstill.verify import Verdicts


class Scripted(stub_server.Stub):
    """Says `said(body)`, a text or (text, finish reason); what it was sent is in `bodies`."""

    def said(self, body):
        raise NotImplementedError

    def completion(self, body, **changes):
        said = self.said(body)
        text, finish = said if isinstance(said, tuple) else (said, "stop")
        for stop in body.get("stop", ()):
            text = text.partition(stop)[0]
        changes = {"message": {"role": "assistant", "content": text}, "finish_reason": finish} | changes
        return super().completion(body, **changes)


def turns_of(body):
    """All that was sent, in one text."""
    return "\n".join(turn["content"] for turn in body["messages"])


class DyingError(Exception):
    """Stands for a kill."""


def dying(ledger_class, monkeypatch, commits):
    """Let the process end after so many commits of completions."""
    real, left = ledger_class.commit, [commits]

    def commit(self):
        real(self)
        left[0] -= 1
        if left[0] == 0:
            raise DyingError

    monkeypatch.setattr(ledger_class, "commit", commit)
    return lambda: monkeypatch.setattr(ledger_class, "commit", real)


def taught(
    url,
    ledger,
    problems,
    asking,
    *,
    seed=3,
    max_tokens=100,
    counts=None,
    judge=None,
    model=None,
    **strategy,
):
    """Return the traces of problems that a server is asked about."""
    teacher = recipe.ServedTeacher(
        kind="served", base_url=url, model="m", concurrency=8,
        sampling=recipe.Sampling(temperature=1.0, max_tokens=max_tokens),
    )  # fmt: skip
    its = recipe.Strategy(**strategy)
    progress = Progress("traces", None, stream=io.StringIO())
    with Verdicts(recipe.Checks()) as verdicts:
        return list(
            served_traces(
                lambda: problems,
                teacher,
                model or ServedModel(teacher),
                its,
                asking,
                seed=seed,
                ledger=ledger,
                progress=progress,
                judge=judge or verdicts.many,
                account=Account(None),
                counts=counts,
            )
        )
