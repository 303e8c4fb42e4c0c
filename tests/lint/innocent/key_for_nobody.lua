listen { address = "127.0.0.1:8080" }
pool("web", {
  balance = "least_connections",
  backends = {
    { name = "web1", address = "127.0.0.1:9001" },
    { name = "web2", address = "127.0.0.1:9002" },
  },
})

-- The key is for the eyes of whoever reads the decisions: least_connections hashes none.
function route(request)
  return "web", { key = request.raw_host }
end
