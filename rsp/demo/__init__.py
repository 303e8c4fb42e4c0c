"""The demo: sites, clients and two stories, all on this machine and on free ports.

Sites and clients are a process of their own (`rsp.demo.world`), so that nothing they do can slow
the engine or the dashboard that they are there to show.
"""
