-- expect: CONNECT tcp://127.0.0.1:8443 -> tls/tls1 (the listener names pool tls)
-- expect: CONNECT tcp://127.0.0.1:5433 -> database (the listener names pool database)
-- expect: GET http://www.example.com/ -> plain/plain1
--
-- A tcp listener passes bytes and looks at none of them: TLS stays encrypted from the client to
-- the backend, which has the certificate; databases and mail work the same way. `route` is not
-- called, for there is no request to look at: the listener names its pool, and a connection stays
-- with its backend until it ends.

listen { address = "127.0.0.1:8443", mode = "tcp", pool = "tls" }
listen { address = "127.0.0.1:5433", mode = "tcp", pool = "database" }
listen { address = "127.0.0.1:8080" }

-- The first pool gets the HTTP requests, because there is no route function.
pool("plain", {
  backends = { { name = "plain1", address = "127.0.0.1:9080" } },
})

-- "first" sends everything to the first backend that is available: the second one stands by.
pool("tls", {
  balance = "first",
  backends = {
    { name = "tls1", address = "127.0.0.1:9443" },
    { name = "tls2", address = "127.0.0.1:9444" },
  },
})

pool("database", {
  balance = "least_connections",
  backends = {
    { name = "db1", address = "127.0.0.1:5432", max_connections = 200 },
    { name = "db2", address = "127.0.0.1:5434", max_connections = 200 },
  },
})

-- A session of a database may be quiet for hours.
limits { tunnel_idle_s = 6 * 3600 }
