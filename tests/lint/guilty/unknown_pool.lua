listen { address = "127.0.0.1:8080" }
pool("web", {
  balance = "round_robin",
  backends = {
    { name = "web1", address = "127.0.0.1:9001" },
    { name = "web2", address = "127.0.0.1:9002" },
  },
})
pool("api", {
  balance = "round_robin",
  backends = {
    { name = "api1", address = "127.0.0.1:9101" },
    { name = "api2", address = "127.0.0.1:9102" },
  },
})

local by_version = { v1 = "api", v2 = "api2" } -- <- unknown_pool

function route(request)
  local version = request.path:match("^/api/(v%d)/")
  return by_version[version or ""] or "web"
end
