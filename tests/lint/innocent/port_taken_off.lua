listen { address = "127.0.0.1:8080" }
pool("apps", {
  balance = "hash",
  backends = {
    { name = "apps1", address = "127.0.0.1:9001" },
    { name = "apps2", address = "127.0.0.1:9002" },
    { name = "apps3", address = "127.0.0.1:9003" },
    { name = "apps4", address = "127.0.0.1:9004" },
  },
})

function route(request)
  local host = request.raw_host:lower():gsub(":%d+$", ""):gsub("%.$", "")
  return "apps", { key = host, reason = "by host" }
end
