"""The API's spellings, and the JSON keys of attrs classes. This package must not know values."""
