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

function route(request)
  local method = request.method
  if method == "GET" or method == "HEAD" then
    return "web"
  elseif method == "POST" then
    return "api"
  end
end -- <- no_default
