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

local pools = { ["www.example.com"] = "web", ["api.example.com"] = "api" }

function route(request)
  return pools[request.host] -- <- no_default
end
