"""What a training run is made of. No TensorFlow here, so that the command line's help is instant."""

from tfvae.app.settings.files import CONFIG, read_yaml, settings_of
from tfvae.app.settings.readers import one_or_each
from tfvae.app.settings.settings import BAD_RECORDS, DEVICES, FRAMES, GRADIENTS, MODELS, Settings

__all__ = [
    "BAD_RECORDS", "CONFIG", "DEVICES", "FRAMES", "GRADIENTS", "MODELS", "Settings", "one_or_each", "read_yaml",
    "settings_of",
]  # fmt: skip
