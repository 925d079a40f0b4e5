"""What a training run is made of. No TensorFlow here, so that the command line's help is instant."""

from tfvae.app.settings.files import CONFIG, as_yaml, read_yaml, settings_of
from tfvae.app.settings.settings import GROUPS, Settings, recipe_of

__all__ = ["CONFIG", "GROUPS", "Settings", "as_yaml", "read_yaml", "recipe_of", "settings_of"]
