"""Helpers that every part of the package uses: checks, files, numbers, devices. Not public."""
