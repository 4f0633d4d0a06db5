"""Say how long it takes to get there, in seconds."""
