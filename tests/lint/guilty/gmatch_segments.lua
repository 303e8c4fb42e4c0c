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

-- The last part of the path that has a dot in it is the site.
function route(request)
  local site = request.host
  for part in request.path:gmatch("[^/]+") do
    if part:find(".", 1, true) then
      site = part
    end
  end
  return "apps", { key = site } -- <- case_sensitive_key
end
