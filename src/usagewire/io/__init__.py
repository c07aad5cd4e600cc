"""The system: files, compression, networks, threads. Modules here know no records."""
