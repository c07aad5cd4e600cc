"""The C extension, and the plans that describe a type to it. It decides no meaning of a value."""
