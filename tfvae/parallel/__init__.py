"""Several devices and several machines: which strategy, and what several machines need beside it."""
