listen { address = "127.0.0.1:8080" }
pool("web", {
  balance = "round_robin",
  backends = {
    { name = "web1", address = "127.0.0.1:9001" },
    { name = "web2", address = "127.0.0.1:9002" },
  },
})
pool("files", {
  balance = "round_robin",
  backends = {
    { name = "files1", address = "127.0.0.1:9301" },
    { name = "files2", address = "127.0.0.1:9302" },
  },
})

local function decoded(path)
  return (path:gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end))
end

function route(request)
  if decoded(request.path):find("^/~") then
    return "files", { reason = "home directories" }
  end
  return "web"
end
