"""The program: settings, runs and the command line. The library does not import it."""
