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

-- The domain in the path decides where a reload goes.
function route(request)
  local domain = request.path:match("^/user/[^/]+/webapps/([^/]+)/reload$")
  if domain then
    return "apps", { key = domain, reason = "reload" } -- <- case_sensitive_key
  end
  return "apps", { key = request.host }
end
