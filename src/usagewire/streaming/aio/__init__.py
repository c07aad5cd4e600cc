"""Reading in an event loop."""
