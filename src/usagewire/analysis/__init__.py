"""What is done over records: sums and conversions. It knows no files."""
