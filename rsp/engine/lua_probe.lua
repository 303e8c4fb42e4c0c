-- What a `route` looks at, written down while it is linted. Never loaded beside traffic.
--
-- Lines come from a hook, patterns and what they found from the string functions around which this
-- file stands, conditions from calls that `core/linting/arms.py` has put into the text.

local settings, budget, strings = ...

local CHUNK, where = budget.CHUNK, budget.where
local format, match = string.format, string.match
local getinfo, select, tonumber, type = debug.getinfo, select, tonumber, type

local seen, room
local forced_arms, forced_tests = {}, {}

-- Forget what was seen. From now on the arms and the tests that are given count as failed.
local function begin(arms, tests)
  seen = { lines = {}, tests = {}, arms = {}, pieces = {}, headers = {}, leaves_to_chance = false }
  room = settings.probe_entries
  forced_arms, forced_tests = arms, tests
end

local function take()
  return seen
end

local function note(list, value)
  if room > 0 then
    room = room - 1
    list[#list + 1] = value
  end
end

local function on_hook(event, line)
  if event == "count" then
    budget.on_count()
  elseif room > 0 and getinfo(2, "S").source == CHUNK then
    note(seen.lines, line)
  end
end

local function line_now()
  return tonumber(match(where(), "%d+"))
end

local function note_pieces(...)
  for at = 1, select("#", ...) do
    local piece = select(at, ...)
    if type(piece) == "string" then
      note(seen.pieces, piece)
    end
  end
  return ...
end

-- Return the results of a test, unless it has to count as failed.
local function tested(text, pattern, is_plain, has_passed, ...)
  if type(text) ~= "string" or type(pattern) ~= "string" then
    return ...
  end
  local line = line_now()
  if forced_tests[format("%d:%s", line, pattern)] then
    has_passed = false
  end
  note(seen.tests, {
    line = line, text = text, pattern = pattern, plain = is_plain and true or false,
    passed = has_passed,
  })
  if has_passed then
    return note_pieces(...)
  end
  -- What `find`, `match` and `gmatch` return when they find nothing.
  return nil
end

local probed = {}
for name, call in next, strings do
  probed[name] = call
end

local function by_first(text, pattern, is_plain, first, ...)
  return tested(text, pattern, is_plain, first ~= nil, first, ...)
end

function probed.find(text, pattern, init, plain)
  return by_first(text, pattern, plain, strings.find(text, pattern, init, plain))
end

function probed.match(text, pattern, init)
  return by_first(text, pattern, false, strings.match(text, pattern, init))
end

function probed.gmatch(text, pattern)
  local following = strings.gmatch(text, pattern)
  tested(text, pattern, false, strings.find(text, pattern) ~= nil)
  return function()
    return note_pieces(following())
  end
end

function probed.gsub(text, pattern, replacement, count)
  if type(replacement) == "function" then
    local original = replacement
    replacement = function(...)
      return original(note_pieces(...))
    end
  end
  local result, replaced = strings.gsub(text, pattern, replacement, count)
  tested(text, pattern, false, replaced > 0)
  return note_pieces(result), replaced
end

function probed.sub(text, first, last)
  return note_pieces(strings.sub(text, first, last))
end

-- Return what a condition came to, or false when it has to count as failed.
local function arm(id, value)
  if forced_arms[id] then
    value = false
  end
  note(seen.arms, value and id or -id)
  return value
end

local function by_chance(call, fixed)
  return function(...)
    seen.leaves_to_chance = true
    if fixed then
      return fixed
    end
    return call(...)
  end
end

-- Stand in the way of what the configuration sees. Time stands still: two requests that are
-- compared come at the same one.
local function attach(environment, headers_metatable)
  environment[settings.arm_name] = arm
  local look_up = headers_metatable.__index
  function headers_metatable.__index(fields, name)
    if type(name) == "string" then
      note(seen.headers, name)
    end
    return look_up(fields, name)
  end
  environment.os.time = by_chance(environment.os.time, 1)
  environment.os.clock = by_chance(environment.os.clock, 0)
  environment.math.random = by_chance(environment.math.random)
end

-- The hooks take many times what the route does: who is slow is known from runs without them.
settings.call_s = settings.probe_call_s
begin({}, {})
debug.sethook(on_hook, "l", settings.hook_instructions)

return { attach = attach, begin = begin, strings = probed, take = take }
