"""Files, compression, networks and threads. Modules here must not know records."""
