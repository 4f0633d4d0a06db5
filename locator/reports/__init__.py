"""Put what follows from what is known on pages that can be printed and handed on."""
