"""Keep what is known about kits, and hand it out as immutable snapshots."""
