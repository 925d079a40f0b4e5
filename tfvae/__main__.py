"""`python -m tfvae`."""

from tfvae.cli import main

main()
