-- expect: GET http://www.example.com/ -> web (the site)
-- expect: GET http://WWW.Example.COM/ -> web (the site)
-- expect: GET http://api.example.com/v1/users?page=2 -> api (host match)
-- expect: GET http://www.example.com/api/v1/users -> api (path match)
-- expect: GET http://old.example.com/ -> 502 (route named pool "archive", which is not there)
--
-- Two pools, told apart by the host, or by how the path begins. request.host is lower-cased and
-- has no port, so that no spelling of a name can go astray.
--
-- The last expectation shows what a mistake looks like: a name that is no pool costs that one
-- request a 502, and the decision says why. `rsp check` would report it, were it not expected.

listen { address = "127.0.0.1:8080" }

pool("web", {
  backends = {
    { name = "web1", address = "127.0.0.1:9001" },
    { name = "web2", address = "127.0.0.1:9002" },
  },
})

pool("api", {
  balance = "least_connections",
  backends = {
    { name = "api1", address = "127.0.0.1:9101", max_connections = 50 },
    { name = "api2", address = "127.0.0.1:9102", max_connections = 50 },
  },
})

function route(request)
  if request.host == "api.example.com" then
    return "api", { reason = "host match" }
  end
  if request.path:sub(1, 5) == "/api/" then
    return "api", { reason = "path match" }
  end
  if request.host == "old.example.com" then
    return "archive"
  end
  return "web", { reason = "the site" }
end
