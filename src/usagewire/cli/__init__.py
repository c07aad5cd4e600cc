"""The command line. It decides nothing about data."""
