"""A user's function, loaded by several threads at once."""

from concurrent.futures import ThreadPoolExecutor

from potstill.problems.functions import find_function

SLOW = "import time\ntime.sleep(0.1)\ndef judge(problem, answer):\n    return True\n"


def test_threads_that_load_one_module_at_once_all_get_the_whole_of_it(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: find_function("slow:judge", tmp_path, "checker"), range(8)))
    assert len(set(found)) == 1
