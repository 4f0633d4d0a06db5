"""Measure beside named peers, interleaved in one run."""
