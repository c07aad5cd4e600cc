"""How the API spells things, and what an attrs class looks like on the wire: no values."""
