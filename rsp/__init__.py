"""A debugger for reverse proxies that lives in a terminal."""

__version__ = "0.1.0"
