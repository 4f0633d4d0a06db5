"""Choose the best of many sites: arithmetic on arrays, which knows nothing of kits."""
