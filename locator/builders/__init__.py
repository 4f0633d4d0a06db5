"""Make each kind of table of ``geodata/`` from downloads; :mod:`locator.build` lists them."""
