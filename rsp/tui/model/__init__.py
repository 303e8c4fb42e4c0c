"""What the screen shows, as plain values: no widget, no socket, no clock."""
