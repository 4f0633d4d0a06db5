"""Work out what follows from what is known: pure functions and frozen results."""
