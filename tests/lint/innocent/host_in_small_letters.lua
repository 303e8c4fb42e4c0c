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

-- API.example.com and API.EXAMPLE.COM are api.example.com here.
function route(request)
  if request.host == ("API.example.com"):lower() then
    return "api", { reason = "API" }
  end
  return "web"
end
