"""Command lines that are run in this process."""

import sys


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
