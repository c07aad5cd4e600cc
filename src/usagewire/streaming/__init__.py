"""Files and streams of records: reading, following, writing, and resuming after a stop."""
