"""Rules for values that JSON has no type of its own for, such as dates, enums and keys."""
