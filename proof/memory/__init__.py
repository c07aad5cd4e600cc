"""Memory of the C extension: leaks, lack of memory, debug builds, suppressions for sanitizers."""
