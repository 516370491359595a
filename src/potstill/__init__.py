"""potstill: reasoning distillation, from problems to a measured student."""

__version__ = "0.1.0"
