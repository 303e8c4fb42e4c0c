"""Everything that decides, and nothing that touches a socket, a clock or a screen."""
