-- expect: GET http://ironhand.on.example/ -> apps/apps2 (host decides)
-- expect: GET http://IronHand.on.example/ -> apps/apps2 (host decides)
-- expect: POST http://www.host.example/user/IronHand/webapps/IronHand.on.example/reload -> apps/apps5 (reload URL: the domain in the path decides)
-- expect: POST http://www.host.example/user/ironhand/webapps/ironhand.on.example/reload -> apps/apps2 (reload URL: the domain in the path decides)
--
-- The load balancer of platform.lua with the bug that it had until March 2014: owners with capitals
-- in their names press "reload", and nothing happens. The third expectation shows it: the site runs
-- on apps2, and its reload goes to apps5.
--
-- Browsers send a host in small letters, and request.host is in small letters in any case. The page
-- with the button writes IronHand.on.example, as its owner spells it, into the path, where nobody
-- changes it. Two spellings are two hashes.
--
-- With n backends two spellings meet on one of them by luck, once in n. With the first four of this
-- list this one did, and its owner saw no bug. With nine, most of those who were lucky are not:
-- `rsp demo split-route` shows it happen.

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
  return "apps", { key = host, reason = reason }
end
