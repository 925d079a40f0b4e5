"""`python -m tfvae`."""

from tfvae.app.cli import main

main()
