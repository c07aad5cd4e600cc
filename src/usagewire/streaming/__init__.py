"""Files and streams of records: reading, following, writing, and going on where a run stopped."""
