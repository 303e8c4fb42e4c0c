-- expect: GET http://www.example.com/ -> web/new1 (pool web by first)
-- expect: GET http://www.example.com/ -H 'X-Try: old1' -> 503 (backend web/old1, named by route, is draining)
-- expect: GET http://www.example.com/ -H 'X-Try: old2' -> 503 (backend web/old2, named by route, is in maintenance)
-- expect: GET http://www.example.com/ -H 'X-Try: canary' -> web/canary (asked for by X-Try)
-- expect: GET http://shop.example.com/ -> shop
--
-- What an operator does to backends, written into the file. Everything here can also be changed
-- while traffic flows: `rsp ctl backend set web/new1 --weight 5 --state drain`.
--
--   weight = 5            five requests for each one that a backend of weight 1 gets
--   weight = 0            nothing by policy; a request that names it directly still reaches it
--   state = "drain"       no new requests; the present ones end in their own time
--   state = "maint"       nothing at all
--   max_connections = 20  at most 20 requests at once; then it is the others' turn

listen { address = "127.0.0.1:8080" }

pool("web", {
  balance = "first",
  backends = {
    { name = "old1", address = "127.0.0.1:9001", state = "drain" },
    { name = "old2", address = "127.0.0.1:9002", state = "maint" },
    { name = "canary", address = "127.0.0.1:9003", weight = 0 },
    { name = "new1", address = "127.0.0.1:9004", max_connections = 20 },
    { name = "new2", address = "127.0.0.1:9005" },
  },
})

pool("shop", {
  backends = {
    { name = "large", address = "127.0.0.1:9101", weight = 5 },
    { name = "small", address = "127.0.0.1:9102" },
  },
})

function route(request)
  local name = request.headers["x-try"]
  if name then
    return "web/" .. name, { reason = "asked for by X-Try" }
  end
  if request.host == "shop.example.com" then
    return "shop"
  end
  return "web"
end
