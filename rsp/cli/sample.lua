-- expect: GET http://www.example.com/ -> web (everything else)
-- expect: GET http://api.example.com/users -> api (host is the API's)
-- expect: GET http://www.example.com/ -H 'X-Backend: web2' -> web/web2 (named by X-Backend)
--
-- A configuration of rsp is a Lua program that runs once, when it is loaded, and declares what is
-- there. Lines that begin with "expect" are tests: `rsp check` runs them. See also
-- `rsp explain THIS_FILE GET http://www.example.com/`.

-- Where clients connect. Add mode = "tcp" to relay bytes instead of HTTP (for TLS, for instance).
listen {
  -- "[::1]:8080" is IPv6, "unix:/run/rsp.sock" a unix socket (backends may have these as well).
  -- fd = 5 instead of an address adopts a listening socket that rsp was started with.
  address = "127.0.0.1:8080",
  -- Proxies in front of this one, if there are any, as addresses or networks:
  -- trusted_proxies = { "10.0.0.0/8" },  -- their X-Forwarded-* is kept and appended to
  -- accept_proxy = { "10.0.0.0/8" },     -- they begin with a PROXY header, v1 or v2; nobody else may
}

-- A pool is a set of backends, and the policy that picks one of them: round_robin (the default),
-- least_connections, random_two, first, hash (by a key) or hash_mod.
pool("web", {
  balance = "least_connections",
  backends = {
    { name = "web1", address = "127.0.0.1:9001" },
    -- weight: its share, 0 to 256. max_connections: requests at once; without it, any number.
    { name = "web2", address = "127.0.0.1:9002", weight = 2, max_connections = 100 },
    -- state: "ready", "drain" (nothing new) or "maint" (nothing at all).
    { name = "web3", address = "127.0.0.1:9003", state = "maint" },
  },
})

pool("api", {
  -- The same key goes to the same backend for as long as the backend is there.
  balance = "hash",
  -- Which Host the backend sees: "keep" (what the client sent), "backend" (its own address),
  -- or a name.
  host = "keep",
  -- Tell the backend of the client by more than X-Forwarded-*:
  -- forwarded = true,   -- Forwarded (RFC 7239)
  -- send_proxy = "v1",  -- a PROXY header, v1 or v2, at the beginning of each connection
  backends = {
    { name = "api1", address = "127.0.0.1:9101" },
    { name = "api2", address = "127.0.0.1:9102" },
  },
})

-- Where each request goes. It returns a pool, or one backend as "pool/backend", and optionally a
-- table with the key to hash and the reason that the dashboard shows. Without a route function,
-- everything goes to the first pool.
--
-- request has method, path, query, host (lower-cased, without port), raw_host, headers (their
-- names in any letter case), client_ip and listener.
function route(request)
  local wanted = request.headers["X-Backend"]
  if wanted == "web1" or wanted == "web2" then
    return "web/" .. wanted, { reason = "named by X-Backend" }
  end
  if request.host == "api.example.com" then
    return "api", { key = request.client_ip, reason = "host is the API's" }
  end
  return "web", { reason = "everything else" }
end

-- Any limit can be changed by its name, here to its default.
limits {
  connect_s = 3,           -- a backend accepts a connection within this many seconds
  response_head_s = 60,    -- and begins to answer within this many
}
