"""Run the command line: ``python -m locator``."""

from locator.cli import main

if __name__ == "__main__":
    main()
