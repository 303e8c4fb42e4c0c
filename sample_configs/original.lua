-- expect: GET http://www.example.com/ -> default/default
-- expect: GET http://anything.example/at/all?x=1 -> default/default
--
-- The whole configuration of the C original: three globals, all strings. Everything that reaches
-- port 8000, on any address of this machine, goes to port 80. The pool and its one backend are
-- both called "default", and the backend sees the Host that the client sent.

listenPort = "8000"
backendAddress = "127.0.0.1"
backendPort = "80"
