"""Take lists of kits in and hand them out, in the formats that people send."""
