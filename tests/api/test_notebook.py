"""A notebook runs a recipe, shows progress, is interrupted, goes on, and takes its run with it when it is killed."""

import asyncio
import json
import time

import nbclient
import nbformat
import pytest
import yaml
from commands import TINY, done

from potstill.store import Run

RECIPE = yaml.safe_load(TINY)
CELLS = [
    f"import json, potstill\nrecipe = json.loads({json.dumps(json.dumps(RECIPE))})\nlong = {{'train.steps': 100_000}}",
    "potstill.run(recipe, out='run', overrides=long)",
    "run = potstill.run(recipe, out='run')",
    "run",
    "import sys\nprint(len(run.table('traces')), run.measures['traces'].problems, 'torch' in sys.modules)",
    "potstill.run(recipe, out='run', overrides=long, redo=True)",
]


def shown(cell):
    return "\n".join(str(output.get("data", output.get("text", ""))) for output in cell.outputs)


async def until(what, task, seconds=60):
    """Wait for something that the notebook shows or does; fail where the cell ends first."""
    for _ in range(seconds * 20):
        if what():
            return
        assert not task.done(), await task
        await asyncio.sleep(0.05)
    raise TimeoutError


async def use(folder):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    cells = notebook.cells
    async with client.async_setup_kernel():
        await client.async_execute_cell(cells[0], 0)

        first = asyncio.create_task(client.async_execute_cell(cells[1], 1))
        await until(lambda: "train traces: " in shown(cells[1]), first)
        assert "<progress" in shown(cells[1])
        await client.km.interrupt_kernel()
        with pytest.raises(nbclient.exceptions.CellExecutionError, match="KeyboardInterrupt"):
            await first
        assert "stopped; what is done is in run" in shown(cells[1])
        assert not Run(folder / "run").is_busy()
        kept = {path: path.stat().st_mtime_ns for path in (folder / "run/stages").glob("*/manifest.json")}
        assert len(kept) >= 5

        for index in (2, 3, 4):
            await client.async_execute_cell(cells[index], index)
        assert "done: run" in shown(cells[2])
        assert "95% interval" in shown(cells[3])
        assert shown(cells[4]) == "20 4 False\n"
        assert {path: path.stat().st_mtime_ns for path in kept} == kept, "what was done was not done again"

        last = asyncio.create_task(client.async_execute_cell(cells[5], 5))
        await until(lambda: "train traces: " in shown(cells[5]), last)
        await client.km.shutdown_kernel(now=True)
        with pytest.raises((nbclient.exceptions.DeadKernelError, RuntimeError, asyncio.CancelledError)):
            await last


def test_a_whole_run_interrupted_gone_on_with_and_killed(tmp_path, monkeypatch):
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    asyncio.run(use(tmp_path))
    run, began = Run(tmp_path / "run"), time.monotonic()
    while run.is_busy():
        assert time.monotonic() - began < 20, "the run outlives its notebook"
        time.sleep(0.05)
    manifests = {path: path.stat().st_mtime_ns for path in run.stages.glob("*/manifest.json")}
    (tmp_path / "r.yaml").write_text(json.dumps(RECIPE))
    done("run", tmp_path / "r.yaml", "--out", run.path)
    assert {path: path.stat().st_mtime_ns for path in manifests} == manifests, "a killed kernel loses nothing"
