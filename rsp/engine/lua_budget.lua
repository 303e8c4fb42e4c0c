-- How long a configuration may run, how much it may hold, and where it was when it had to stop.
--
-- The first of four files that run once in a fresh runtime, before any configuration. Everything
-- the walls rely on is a local, so nothing that a configuration assigns can move them.

local settings = ...

local error, pcall, tostring, type = error, pcall, tostring, type
local ceil, clock, format, sub = math.ceil, os.clock, string.format, string.sub
local collectgarbage, getinfo, resume = collectgarbage, debug.getinfo, coroutine.resume

local CHUNK = "=@config"
local NO_MEMORY = "not enough memory"

-- A count hook never fires inside compiled traces, and a routing call is no slower without them.
jit.off()
jit.flush()

local hooks_left, hooks_per_call, unclocked_hooks, started_s, nesting
local most_s = settings.load_s
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

local function stop(message)
  stopped = where() .. message
  error(stopped, 0)
end

local function look_at_clock()
  local now_s = clock()
  if not started_s then
    started_s = now_s
  elseif now_s - started_s > most_s then
    stop(format("ran for more than %g s of processor time", most_s))
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
  hooks_per_call = ceil(instructions / settings.hook_instructions)
  -- The clock is a system call: a short route never pays for it.
  unclocked_hooks = hooks_per_call - 1
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
    refuse(format("more than %d calls of gsub, format, sort or coroutines inside each other",
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

-- Return a message of at most 1,000 bytes for what `error` was called with.
local function message_of(raised)
  if type(raised) == "string" or type(raised) == "number" then
    local message = sub(tostring(raised), 1, 1000)
    local has_place = sub(message, 1, #CHUNK - 1) == sub(CHUNK, 2)
    return has_place and message or format("@config:%d: %s", route_line, message)
  end
  return format("@config:%d: raised a %s instead of a message", route_line, type(raised))
end

-- Return what went wrong, in words, and whether the runtime can no longer be used.
local function outcome_of(raised)
  if raised == NO_MEMORY or out_of_memory or is_crowded() then
    local message = format("@config:%d: ran out of memory (%d bytes)", route_line,
      settings.memory_bytes)
    return message, true
  end
  return stopped or message_of(raised), false
end

-- Set both budgets of the calls to come, and return whether the memory is enough for a beginning.
local function configure(instructions, memory_bytes)
  settings.memory_bytes = memory_bytes
  most_s = settings.call_s
  set_budget(instructions)
  return not is_crowded()
end

-- Set the line to blame where the stack names none: that of `route`. 0: there is none.
local function blame(line)
  route_line = line
end

set_budget(settings.instructions)
begin()
debug.sethook(on_count, "", settings.hook_instructions)

return {
  CHUNK = CHUNK, NO_MEMORY = NO_MEMORY, after_protected = after_protected, begin = begin,
  blame = blame, configure = configure, is_crowded = is_crowded, look_at_clock = look_at_clock,
  nested = nested, nested_resume = nested_resume, on_count = on_count, outcome_of = outcome_of,
  refuse = refuse, unprotected = unprotected, where = where,
}
