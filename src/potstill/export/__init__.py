"""Delivering a trained student: every export is loaded again and compared with the model that was trained."""
