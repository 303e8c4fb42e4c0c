"""How a `route` is linted: by running it on requests that mean the same, and comparing."""
