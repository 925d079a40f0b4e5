"""How training steps are run: which way suits a model on this machine, and several steps as one XLA program."""

from tfvae.execution.choice import Choice, by_first_batch, by_measurement, by_rule

__all__ = ["Choice", "by_first_batch", "by_measurement", "by_rule"]
