"""Work on records: sums and conversions. It knows no files."""
