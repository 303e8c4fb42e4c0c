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

local rules = {
  { "^/static/", "web" },
  { "^/s", "shop" },
  { "^/search/", "api" }, -- <- unreachable_rule
}

function route(request)
  for _, rule in ipairs(rules) do
    if request.path:find(rule[1]) then
      return rule[2]
    end
  end
  return "web"
end
