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

-- Identifiers of videos differ by case, and have no dots.
function route(request)
  local video = request.path:match("^/watch/([%w_-]+)$")
  return "apps", { key = video or request.host }
end
