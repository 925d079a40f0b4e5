"""Training steps: how they are guarded, run and measured; and training data in an order that can be resumed."""

from tfvae.datasets.batches import batches, steps_per_epoch
from tfvae.training.choice import Choice, by_first_batch, by_measurement, by_rule

__all__ = ["Choice", "batches", "by_first_batch", "by_measurement", "by_rule", "steps_per_epoch"]
