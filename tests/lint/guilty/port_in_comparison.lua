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

local function is_api(request)
  return request.raw_host:lower():match("^api%.example%.com%.?$") ~= nil
end

function route(request)
  if is_api(request) then -- <- port_in_key
    return "api"
  end
  return "web"
end
