"""Everything on the screen: it talks to an engine only through the control socket."""
