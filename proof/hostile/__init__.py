"""Classes that run code where other classes run none."""
