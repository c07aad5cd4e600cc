"""Memory of the C part: leaks, lack of memory, debug builds, what sanitizers pass over."""
