"""`python -m rsp` is the same as `rsp`."""

from rsp.cli import main

if __name__ == "__main__":
    main()
