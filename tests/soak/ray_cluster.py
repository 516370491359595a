"""A Ray cluster of several nodes on this machine, told what to do by lines of JSON: `python ray_cluster.py FOLDER`.

    ["add", {"NAME": "value"}] -> its number      ["remove", number] -> number      end of input: all of it ends

A process of its own, since Ray warns, forks and handles signals as it likes. The head has no room for work.
"""

import json
import os
import sys

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_memory_monitor_refresh_ms": "0", "RAY_AUTH_MODE": "disabled"}
os.environ |= {"RAY_worker_niceness": "0"}  # beside other tests a worker would get no processor at all
SMALL = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
QUICK = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 2}


def main(folder):
    """Start the head, say its address, and do what the lines say."""
    os.environ["RAY_TMPDIR"] = folder  # where a file goes that names the newest cluster of a machine
    os.makedirs(f"{folder}/ray", exist_ok=True)
    from ray.cluster_utils import Cluster

    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    cluster = Cluster(
        initialize_head=True,
        head_node_args={**SMALL, "num_cpus": 0, "temp_dir": f"{folder}/ray", "_system_config": QUICK},
    )
    nodes = {}
    print(json.dumps(cluster.address), file=output, flush=True)
    for number, line in enumerate(sys.stdin):
        what, given = json.loads(line)
        if what == "add":
            about = {**os.environ, "POTSTILL_TEST_NODE": str(number), **given}
            nodes[number] = cluster.add_node(num_cpus=1, env_vars=about, **SMALL)
        else:
            number = given
            cluster.remove_node(nodes.pop(number), allow_graceful=False)
        print(json.dumps(number), file=output, flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
