listen { address = "127.0.0.1:8080" }
pool("web", {
  backends = {
    { name = "web1", address = "10.0.0.1:8000" },
    { name = "web2", address = "10.0.0.2:8000" },
    { name = "web3", address = "10.0.0.2:8001" },
  },
})
pool("admin", {
  backends = {
    { name = "admin1", address = "10.0.0.1:8000" },
  },
})

function route(request)
  return request.path:sub(1, 7) == "/admin/" and "admin" or "web"
end
