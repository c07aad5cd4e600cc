"""Classes with code in special methods, which C must not call."""
