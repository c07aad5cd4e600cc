"""Inputs of other JSON libraries, read in every place of a record and by both paths."""
