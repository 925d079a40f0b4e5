"""Every class that a `.keras` file of this package may hold: importing this module registers them with Keras."""

import importlib

# Keras finds a class by the name in the file once its module has been imported.
from tfvae import conditional, corruption, objectives, preprocessing  # noqa: F401
from tfvae._support.modules import files

for _package in ("bijectors", "families", "models", "networks", "priors"):
    for _name in files(_package):
        importlib.import_module(f"tfvae.{_package}.{_name}")
