"""What the proofs share: builds, classes, records, exact comparison."""
