-- The calls that Python makes: load the configuration, and ask its `route` about a request.

local settings, budget, seen, probe = ...

local ipairs, next, pcall, rawget = ipairs, next, pcall, rawget
local load, setmetatable, tostring, type = load, setmetatable, tostring, type
local format, gmatch, lower, sub = string.format, string.gmatch, string.lower, string.sub
local getinfo, max = debug.getinfo, math.max
local begin, is_crowded, refuse = budget.begin, budget.is_crowded, budget.refuse
local environment, has_printed = seen.environment, seen.has_printed
local take_declared, take_printed = seen.take_declared, seen.take_printed

---------------------------------------------------------------------------------------------------
-- The request that `route` is given

local current_request, fields_text, headers

local headers_metatable = { __metatable = false }

function headers_metatable.__index(fields, name)
  if type(name) == "string" then
    return rawget(fields, lower(name))
  end
end

local function parsed_headers()
  if headers then
    return headers
  end
  headers = {}
  for name, value in gmatch(fields_text, "([^:\n]*):([^\n]*)\n") do
    name = lower(name)
    headers[name] = headers[name] and headers[name] .. ", " .. value or value
  end
  return setmetatable(headers, headers_metatable)
end

local request_metatable = { __metatable = false }

function request_metatable.__index(request, name)
  if name ~= "headers" then
    refuse(format("request has no field %q; it has method, path, query, host, raw_host, headers, "
      .. "client_ip and listener", sub(tostring(name), 1, 40)))
  elseif request ~= current_request then
    refuse("the headers of a request can be read only while it is routed")
  elseif not fields_text then
    refuse("request.headers is there only when the file spells the word headers")
  end
  return parsed_headers()
end

---------------------------------------------------------------------------------------------------
-- What Python calls

local route, route_line = nil, 0

-- A failed call: nil, the message, whether the runtime has to be thrown away, what was printed,
-- and whether it was a declaration that was refused.
local function failure(raised)
  local message, is_broken = budget.outcome_of(raised)
  begin()
  return nil, message, is_broken, take_printed(), seen.is_refusal(message)
end

local function wrong_answer(what)
  return failure(format('@config:%d: route returned %s; it returns a pool ("web") or a backend '
    .. '("web/web1"), and optionally a table { key = "...", reason = "..." }', route_line, what))
end

local function describe(value)
  local kind = type(value)
  if kind == "nil" then
    return "nothing"
  elseif kind == "number" or kind == "boolean" then
    return format("a %s (%s)", kind, tostring(value))
  end
  return "a " .. kind
end

local function option(options, name)
  local value = rawget(options, name)
  if value ~= nil and type(value) ~= "string" then
    return nil, format("a table whose %s is %s, not a string", name, describe(value))
  elseif value and #value > settings.answer_bytes then
    return nil, format("a table whose %s has %d bytes (at most %d)", name, #value,
      settings.answer_bytes)
  end
  return value
end

local function answer(target, options)
  local key, reason, wrong
  if options ~= nil then
    if type(options) ~= "table" then
      return wrong_answer(format("%s after the pool", describe(options)))
    end
    for name in next, options do
      if name ~= "key" and name ~= "reason" then
        return wrong_answer(format("a table with %s in it", type(name) == "string"
          and format("%q", sub(name, 1, 40)) or describe(name)))
      end
    end
    key, wrong = option(options, "key")
    if not wrong then
      reason, wrong = option(options, "reason")
    end
    if wrong then
      return wrong_answer(wrong)
    end
  end
  return target, key, reason, take_printed()
end

local function call_route(method, path, query, host, raw_host, client_ip, listener, fields)
  begin()
  local request = setmetatable({
    method = method, path = path, query = query, host = host, raw_host = raw_host,
    client_ip = client_ip, listener = listener,
  }, request_metatable)
  current_request, fields_text, headers = request, fields, nil
  local ok, target, options = pcall(route, request)
  if not ok then
    return failure(target)
  elseif is_crowded() then
    return failure(budget.NO_MEMORY)
  elseif type(target) ~= "string" then
    return wrong_answer(describe(target))
  elseif #target > settings.answer_bytes then
    return wrong_answer(format("a name of %d bytes", #target))
  elseif options == nil and not has_printed() then
    return target
  end
  return answer(target, options)
end

-- Return what the configuration declared: declarations, globals, whether it has a route, printed,
-- and the line where the route begins (0: it is no Lua function).
-- When it failed: what `failure` returns.
local function load_config(text)
  begin()
  local chunk, wrong = load(text, budget.CHUNK, "t", environment)
  if not chunk then
    return failure(wrong)
  end
  local ok, raised = pcall(chunk)
  if not ok then
    return failure(raised)
  elseif is_crowded() then
    return failure(budget.NO_MEMORY)
  end
  begin()
  local globals = {}
  for _, name in ipairs({ "listenPort", "backendAddress", "backendPort" }) do
    local value = rawget(environment, name)
    -- As lua_isstring has it, which the C original asked: numbers are strings too.
    if type(value) == "string" or type(value) == "number" then
      globals[name] = tostring(value)
    end
  end
  route = rawget(environment, "route")
  if route ~= nil and type(route) ~= "function" then
    return failure(format("@config:1: route is %s; it must be a function", describe(route)))
  end
  route_line = route and max(getinfo(route, "S").linedefined, 0) or 0
  budget.blame(route_line)
  return take_declared(), globals, route ~= nil, take_printed(), route_line
end

if probe then
  probe.attach(environment, headers_metatable)
end

-- Nothing of the outside stays within reach, and Lupa finds no traceback function to call.
for name in gmatch("debug io jit package require module loadfile dofile load loadstring newproxy "
  .. "getfenv setfenv collectgarbage gcinfo python xpcall", "%S+") do
  _G[name] = nil
end

return load_config, call_route, budget.configure
