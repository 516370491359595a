"""Calls that use the processor, in a module of their own so that workers have it from the start."""

import time


def ready():
    """Import this module before the first call, and nothing else."""


def spin(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def spin_for_ever():
    while True:
        pass
