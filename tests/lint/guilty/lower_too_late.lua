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

local seen = {}

-- The key is taken first and lower-cased afterwards, where it helps nobody.
function route(request)
  local name = request.raw_host:gsub(":%d+$", ""):gsub("%.$", "")
  local options = { key = name }
  name = string.lower(name)
  seen[name] = true
  return "apps", options -- <- case_sensitive_key
end
