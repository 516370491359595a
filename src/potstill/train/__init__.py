"""Training: examples become rows with segments, an order, a loss and a trained student.

The two normalisations of the loss are chosen by name in `train.loss.kind` (see `potstill.train.loss`).
"""
