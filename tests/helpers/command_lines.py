"""Command lines that are run in this process."""

import sys

from tfvae.app import cli


def exit_code(main, program, *words):
    """Runs `program` with these words, as its script does, by its function `main`, and returns its exit code."""
    before, sys.argv = sys.argv, [program, *map(str, words)]
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    finally:
        sys.argv = before
    return 0


SMALL = [
    *("--epochs", 2, "--train-size", 300, "--validation-size", 100),
    *("--batch-size", 50, "--network", "mlp(16,8)", "--latent-size", 2),
]


def command(*arguments):
    """Runs the command line in this process, as its script does, and gives its exit code."""
    return exit_code(cli.main, "tfvae", *arguments)
