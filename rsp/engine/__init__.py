"""Everything that does I/O for the proxy: sockets, epoll, Lua, the control socket.

Failures come in three kinds. A *normal end* (the peer went away, a timeout) becomes a
`CloseReason`. *The other side's mistake* (a bad request, a broken configuration) is answered
and recorded. Everything else is our bug: that session is aborted, the traceback becomes an
event, and the engine lives on.
"""
