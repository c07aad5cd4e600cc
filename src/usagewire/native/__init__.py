"""The C extension, and the plans that tell it about a type. It decides no meaning of a value."""
