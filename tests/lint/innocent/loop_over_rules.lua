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
  { host = "api.example.com", pool = "api" },
  { host = "shop.example.com", pool = "shop" },
}

local function name_of(request)
  return (request.raw_host:lower():gsub("%.?:?%d*$", ""))
end

function route(request)
  for _, rule in ipairs(rules) do
    if name_of(request) == rule.host then
      return rule.pool
    end
  end
  return "web"
end
