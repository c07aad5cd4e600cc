"""Random lines and records, by C and by the reference, which must agree."""
