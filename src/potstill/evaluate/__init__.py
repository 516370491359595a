"""Measuring students: the sampling protocol, metrics and statistics."""
