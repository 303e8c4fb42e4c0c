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

-- Testers name the backend; one that is not there is their mistake.
function route(request)
  local name = request.headers["x-backend"]
  if name then
    return "web/" .. name, { reason = "asked for" }
  end
  return "web"
end
