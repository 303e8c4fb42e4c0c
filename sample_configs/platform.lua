-- expect: GET http://ironhand.on.example/ -> apps/apps2 (host decides)
-- expect: GET http://IronHand.on.example/ -> apps/apps2 (host decides)
-- expect: POST http://www.host.example/user/IronHand/webapps/IronHand.on.example/reload -> apps/apps2 (reload URL: the domain in the path decides)
-- expect: POST http://www.host.example/user/fred/webapps/www.foo.example/reload -> apps (reload URL: the domain in the path decides)
--
-- The load balancer of a platform that runs web sites. Every backend can run every site, and each
-- site runs on one of them: the hash of its name, modulo the number of backends, is a place in this
-- list. One kind of request is different. The URL
--
--     http://www.host.example/user/fred/webapps/www.foo.example/reload
--
-- reloads the site www.foo.example, so it has to reach the backend where that site runs: the domain
-- in its path decides, and not the host that it was sent to.
--
-- Names of hosts do not differ by case, so the key is lower-case, wherever it came from.
-- platform_case_sensitive.lua is the same file without that.
--
-- `rsp check` has advice on hash_mod: a list that grows by one moves nearly every site. It is left
-- as it was in the platform of 2014; balance = "hash" moves only the share of the new backend.

listen { address = "127.0.0.1:8080" }

pool("apps", {
  balance = "hash_mod",
  backends = {
    { name = "apps1", address = "127.0.0.1:9001" },
    { name = "apps2", address = "127.0.0.1:9002" },
    { name = "apps3", address = "127.0.0.1:9003" },
    { name = "apps4", address = "127.0.0.1:9004" },
    { name = "apps5", address = "127.0.0.1:9005" },
    { name = "apps6", address = "127.0.0.1:9006" },
    { name = "apps7", address = "127.0.0.1:9007" },
    { name = "apps8", address = "127.0.0.1:9008" },
    { name = "apps9", address = "127.0.0.1:9009" },
  },
})

-- The domain in that path names what a Host names: `rsp check` and `rsp ctl audit` compare the two.
same_identity { path = "^/user/[^/]+/webapps/([^/]+)/reload$" }

-- A site always runs on the same backend: the hash of its host decides.
-- A reload has to reach that backend too, so there the domain in the path decides.
function route(request)
  local host, reason = request.host, "host decides"
  local domain = request.path:match("^/user/[^/]+/webapps/([^/]+)/reload$")
  if domain then
    host, reason = domain, "reload URL: the domain in the path decides"
  end
  return "apps", { key = host:lower(), reason = reason }
end
