"""What touches the system: files, compression, networks, threads. It knows no records."""
