listen { address = "127.0.0.1:8080" }
pool("web", {
  balance = "round_robin",
  backends = {
    { name = "web1", address = "127.0.0.1:9001" },
    { name = "web2", address = "127.0.0.1:9002" },
  },
})
pool("shop", {
  balance = "round_robin",
  backends = {
    { name = "shop1", address = "127.0.0.1:9201" },
    { name = "shop2", address = "127.0.0.1:9202" },
  },
})

function route(request)
  local path = request.path
  if path == "/caf%C3%A9" then -- <- percent_encoding
    return "shop"
  end
  return "web"
end
