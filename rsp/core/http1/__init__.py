"""HTTP/1.1 without a socket: heads, body framing, what is forwarded, our own error replies."""
