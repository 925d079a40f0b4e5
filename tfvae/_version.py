"""The version of the package, in one place; `setup.py` reads this line without importing tfvae."""

__version__ = "0.1.0"
