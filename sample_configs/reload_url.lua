-- expect: GET http://ironhand.example/ -> apps/apps1 (host decides)
-- expect: GET http://IronHand.example/ -> apps/apps1 (host decides)
-- expect: POST http://www.example.com/user/IronHand/webapps/IronHand.example/reload -> apps/apps1 (reload URL: the domain in the path decides)
-- expect: POST http://www.example.com/user/joe/webapps/www.foo.com/reload -> apps (reload URL: the domain in the path decides)
--
-- Every backend can run every web app, and each app should run on one of them: the domain is
-- hashed. One kind of request is different. The URL
--
--     http://www.example.com/user/fred/webapps/www.foo.com/reload
--
-- reloads the app www.foo.com, so it has to reach the backend where that app runs: the domain in
-- its path decides, not the host it was sent to.
--
-- Users with capitals in their names once had reloads that did nothing: the page wrote
-- IronHand.example into the URL, the browser wrote ironhand.example into the Host, and the two
-- were hashed as they came. With few backends both often landed on the same one by luck, so
-- nobody noticed until there were twice as many. Host names do not differ by case: every key
-- here is lower-case, and the first three expectations keep it so.

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

-- The domain in that path names what a Host names: `rsp check` and `rsp ctl audit` compare the two.
same_identity { path = "^/user/[^/]+/webapps/([^/]+)/reload$" }

function route(request)
  local domain = request.path:match("^/user/[^/]+/webapps/([^/]+)/reload$")
  if domain then
    return "apps", { key = domain:lower(), reason = "reload URL: the domain in the path decides" }
  end
  return "apps", { key = request.host, reason = "host decides" }
end
