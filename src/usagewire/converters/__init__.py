"""The strict reference: cattrs converters that give each input its meaning. It must not know C."""
