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
pool("shop", {
  balance = "round_robin",
  backends = {
    { name = "shop1", address = "127.0.0.1:9201" },
    { name = "shop2", address = "127.0.0.1:9202" },
  },
})

function route(request)
  local path = request.path
  if path:match("^/api/") then
    return "api"
  elseif path:match("^/api/shop/") then -- <- unreachable_rule
    return "shop"
  end
  return "web"
end
