"""The soak: floods, slow peers and long traffic against rsp, HAProxy and nginx; by hand only."""
