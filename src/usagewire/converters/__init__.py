"""The strict reference: what each input means, as cattrs converters. It does not know of C."""
