-- The walls around a configuration: what it may see, how long it may run, what it said.
--
-- Runs once in a fresh runtime and returns the functions that Python calls. No Python object is
-- ever given to Lua: what the configuration declares is kept here as plain tables, and read later.
-- Everything the walls rely on is a local, so nothing that a configuration assigns can move them.

local settings, make_strings = ...

local assert, error, getmetatable, ipairs = assert, error, getmetatable, ipairs
local next, pairs, pcall, rawget, select = next, pairs, pcall, rawget, select
local load, setmetatable, tonumber = load, setmetatable, tonumber
local tostring, type = tostring, type
local concat, insert, remove, sort = table.concat, table.insert, table.remove, table.sort
local format, gmatch, lower = string.format, string.gmatch, string.lower
local match, sub = string.match, string.sub
local clock, collectgarbage, getinfo = os.clock, collectgarbage, debug.getinfo
local create, resume = coroutine.create, coroutine.resume

local CHUNK = "=@config"
local NO_MEMORY = "not enough memory"

-- A count hook never fires inside compiled traces, and a routing call is no slower without them.
jit.off()
jit.flush()

---------------------------------------------------------------------------------------------------
-- Budget

local hooks_left, hooks_per_call, unclocked_hooks, started_s, nesting
local stopped, out_of_memory, route_line = nil, false, 0

-- Return "@config:LINE: " of the innermost line of the configuration that is running.
local function where()
  for level = 2, 30 do
    local frame = getinfo(level, "Sl")
    if not frame then
      break
    end
    if frame.source == CHUNK and frame.currentline > 0 then
      return format("@config:%d: ", frame.currentline)
    end
  end
  return format("@config:%d: ", route_line)
end

local function refuse(message)
  error(where() .. message, 0)
end

local refusal

-- A declaration that cannot be taken is the configuration's mistake, not Lua's.
local function refuse_declaration(message)
  refusal = where() .. message
  error(refusal, 0)
end

local function stop(message)
  stopped = where() .. message
  error(stopped, 0)
end

local function look_at_clock()
  local now_s = clock()
  if not started_s then
    started_s = now_s
  elseif now_s - started_s > settings.call_s then
    stop(format("ran for more than %g s of processor time", settings.call_s))
  end
end

local function on_count()
  hooks_left = hooks_left - 1
  if stopped then
    error(stopped, 0)
  elseif hooks_left < 0 then
    stop(format("ran more than %d Lua instructions", hooks_per_call * settings.hook_instructions))
  elseif hooks_left < unclocked_hooks then
    look_at_clock()
  end
end

local function set_budget(instructions)
  hooks_per_call = math.ceil(instructions / settings.hook_instructions)
  -- The clock is a system call: a short route never pays for it.
  unclocked_hooks = hooks_per_call - 5
  hooks_left = hooks_per_call
end

local function begin()
  hooks_left, started_s, stopped, nesting = hooks_per_call, nil, nil, 0
end

-- What a protected call caught goes on being raised once the budget is spent, or memory is.
local function after_protected(ok, ...)
  if stopped then
    error(stopped, 0)
  end
  if not ok and (...) == NO_MEMORY then
    stopped, out_of_memory = NO_MEMORY, true
    error(NO_MEMORY, 0)
  end
  return ok, ...
end

-- A C function that calls back into Lua holds a piece of the C stack meanwhile, which nobody else
-- bounds: a `gsub` whose replacement calls `gsub`, and so on, ended the process.
local function enter()
  if nesting >= settings.nested_calls then
    refuse(format("more than %d calls of gsub, sort or coroutines inside each other",
      settings.nested_calls))
  end
  nesting = nesting + 1
end

local function leave(...)
  nesting = nesting - 1
  return ...
end

local function unprotected(ok, ...)
  if not ok then
    error((...), 0)
  end
  return ...
end

local function nested(call, ...)
  enter()
  return unprotected(leave(pcall(call, ...)))
end

local function nested_resume(...)
  enter()
  return after_protected(leave(resume(...)))
end

-- Lupa hands over arguments outside any protected call, and a failure there ends the process: so
-- a runtime that has come near its limit is given up while there is still room.
local function is_crowded()
  local room = settings.memory_bytes - settings.reserve_bytes
  if collectgarbage("count") * 1024 < room then
    return false
  end
  collectgarbage()
  return collectgarbage("count") * 1024 >= room
end

---------------------------------------------------------------------------------------------------
-- What the configuration declares

local declared, printed, printed_bytes = {}, nil, 0
local plain_left

-- Return a copy of `value` made of strings, numbers, booleans and plain tables only.
local function plain(value, name, depth)
  local kind = type(value)
  if kind == "string" or kind == "number" or kind == "boolean" then
    return value
  elseif kind ~= "table" then
    refuse_declaration(format("%s is a %s; strings, numbers, true, false and tables may stand "
      .. "here", name, kind))
  elseif depth > 5 then
    refuse_declaration(format("%s: tables are nested too deeply", name))
  end
  local copy = {}
  for key, item in next, value do
    if type(key) ~= "string" and type(key) ~= "number" then
      refuse_declaration(format("%s has a %s for a key; keys are names or numbers", name, type(key)))
    end
    plain_left = plain_left - 1
    if plain_left < 0 then
      refuse_declaration(format("%s has more than %d entries", name, settings.declared_entries))
    end
    copy[key] = plain(item, name .. "." .. tostring(key), depth + 1)
  end
  return copy
end

local function declare(what, name, value)
  local line = tonumber(match(where(), "%d+"))
  plain_left = settings.declared_entries
  if #declared >= settings.declared_entries then
    refuse_declaration(format("more than %d declarations", settings.declared_entries))
  end
  insert(declared, { what = what, line = line, name = name, value = plain(value, what, 1) })
end

local function declaration(what)
  return function(value, ...)
    if type(value) ~= "table" or select("#", ...) > 0 then
      refuse_declaration(format("%s takes one table: %s { name = value }", what, what))
    end
    declare(what, nil, value)
  end
end

local function declare_pool(name, value, ...)
  if type(name) ~= "string" or type(value) ~= "table" or select("#", ...) > 0 then
    refuse_declaration('pool takes a name and a table: pool("web", { backends = { ... } })')
  end
  declare("pool", name, value)
end

local function print_line(...)
  local words = {}
  for at = 1, select("#", ...) do
    words[at] = tostring((select(at, ...)))
  end
  local line = concat(words, "\t") .. "\n"
  local room = settings.print_bytes - printed_bytes
  printed = printed or {}
  if room > 0 then
    insert(printed, sub(line, 1, room))
    printed_bytes = printed_bytes + #line
  end
end

local function take_printed()
  local text = printed and concat(printed)
  printed, printed_bytes = nil, 0
  return text
end

---------------------------------------------------------------------------------------------------
-- What the configuration sees: an allow-list

local strings = make_strings(settings, refuse, look_at_clock, nested)
local string_metatable = getmetatable("")
string_metatable.__index = strings
string_metatable.__metatable = false

local function copy_of(library, names)
  local copy = {}
  for name in gmatch(names, "%S+") do
    copy[name] = assert(library[name], name)
  end
  return copy
end

local tables = copy_of(table, "concat maxn")

-- The originals loop over the distance between a position and the end of the table.
function tables.insert(list, ...)
  local at = ...
  if select("#", ...) == 2 and type(list) == "table" then
    if type(at) ~= "number" or at < 1 or at > #list + 1 then
      refuse("table.insert: the position is outside the table")
    end
  end
  return insert(list, ...)
end

function tables.remove(list, at)
  if type(list) == "table" and at ~= nil then
    if type(at) ~= "number" or at < 0 or at > #list + 1 then
      refuse("table.remove: the position is outside the table")
    end
    return remove(list, at)
  end
  return remove(list)
end

-- A comparison in Lua, always: without one the whole sort is a single call that no hook interrupts.
local function less(one, other)
  return one < other
end

function tables.sort(list, compare)
  return nested(sort, list, compare or less)
end

local coroutines = copy_of(coroutine, "create yield status running")
coroutines.resume = nested_resume

function coroutines.wrap(body)
  local thread = create(body)
  return function(...)
    return unprotected(nested_resume(thread, ...))
  end
end

local environment = copy_of(_G, "assert error ipairs next pairs rawequal rawget rawset select "
  .. "tonumber tostring type unpack getmetatable setmetatable _VERSION")
environment._G = environment
environment.string = strings
environment.table = tables
environment.coroutine = coroutines
environment.math = copy_of(math, "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp "
  .. "huge ldexp log log10 max min modf pi pow rad random randomseed sin sinh sqrt tan tanh")
environment.bit = copy_of(bit, "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex")
environment.os = copy_of(os, "time clock")
environment.print = print_line
environment.listen = declaration("listen")
environment.limits = declaration("limits")
environment.pool = declare_pool

-- No xpcall: its handler runs where no hook fires.
function environment.pcall(...)
  return after_protected(pcall(...))
end

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

local route

-- Return a message of at most 1,000 bytes for what `error` was called with.
local function message_of(raised)
  if type(raised) == "string" or type(raised) == "number" then
    local message = sub(tostring(raised), 1, 1000)
    local has_place = sub(message, 1, #CHUNK - 1) == sub(CHUNK, 2)
    return has_place and message or format("@config:%d: %s", route_line, message)
  end
  return format("@config:%d: raised a %s instead of a message", route_line, type(raised))
end

-- A failed call: nil, the message, whether the runtime has to be thrown away, what was printed,
-- and whether it was a declaration that was refused.
local function failure(raised)
  local message = stopped or message_of(raised)
  local broken = out_of_memory or raised == NO_MEMORY or is_crowded()
  if raised == NO_MEMORY or out_of_memory then
    message = format("@config:%d: ran out of memory (%d bytes)", route_line, settings.memory_bytes)
  end
  begin()
  return nil, message, broken, take_printed(), message == refusal
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
  if not ok or stopped then
    return failure(target)
  elseif is_crowded() then
    return failure(NO_MEMORY)
  elseif type(target) ~= "string" then
    return wrong_answer(describe(target))
  elseif #target > settings.answer_bytes then
    return wrong_answer(format("a name of %d bytes", #target))
  elseif options == nil and not printed then
    return target
  end
  return answer(target, options)
end

-- Return what the configuration declared: declarations, globals, whether it has a route, printed.
-- When it failed: what `failure` returns.
local function load_config(text)
  begin()
  local chunk, wrong = load(text, CHUNK, "t", environment)
  if not chunk then
    return failure(wrong)
  end
  local ok, raised = pcall(chunk)
  if not ok or stopped then
    return failure(raised)
  elseif is_crowded() then
    return failure(NO_MEMORY)
  end
  begin()
  local globals = {}
  for _, name in ipairs({ "listenPort", "backendAddress", "backendPort" }) do
    local value = rawget(environment, name)
    globals[name] = (type(value) == "string" or type(value) == "number") and tostring(value)
      or value ~= nil and false or nil
  end
  route = rawget(environment, "route")
  if route ~= nil and type(route) ~= "function" then
    return failure(format("@config:1: route is %s; it must be a function", describe(route)))
  end
  route_line = route and getinfo(route, "S").linedefined or 0
  return declared, globals, route ~= nil, take_printed()
end

local function configure(instructions, memory_bytes)
  settings.memory_bytes = memory_bytes
  set_budget(instructions)
end

set_budget(settings.instructions)
debug.sethook(on_count, "", settings.hook_instructions)

-- Nothing of the outside stays within reach, and Lupa finds no traceback function to call.
for name in pairs(copy_of(_G, "debug io jit package require module loadfile dofile load loadstring "
  .. "newproxy getfenv setfenv collectgarbage gcinfo python xpcall")) do
  _G[name] = nil
end

return load_config, call_route, configure
