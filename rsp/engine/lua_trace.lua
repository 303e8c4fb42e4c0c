-- Which lines of the configuration run, and the locals after each: for a runtime that is made to
-- explain one call of `route`, and never serves traffic.
--
-- A line is over when the next one of the same function begins, or when that returns; what it left
-- in the locals is read then. Nothing of the configuration is called to show a value.

local settings, budget = ...

local format, sub = string.format, string.sub
local concat, insert, sort = table.concat, table.insert, table.sort
local getinfo, getlocal, sethook = debug.getinfo, debug.getlocal, debug.sethook
local running = coroutine.running
local next, rawget, tostring, type = next, rawget, tostring, type

local left_steps, left_bytes, steps, pending = 0, 0, {}, {}
local has_returned = false

local function text_of(text, most)
  local shown = '"' .. sub(text, 1, most) .. '"'
  return #text > most and shown .. "…" or shown
end

local function plain(value, most)
  local kind = type(value)
  if kind == "string" then
    return text_of(value, most)
  elseif kind == "number" or kind == "boolean" or kind == "nil" then
    return tostring(value)
  end
  return kind
end

local function key_of(key)
  return type(key) == "string" and sub(key, 1, 40) or "[" .. plain(key, 40) .. "]"
end

-- Return the entries of a table, those with names in their order; without metamethods.
local function entries(value)
  local shown, count = {}, 0
  for key, item in next, value do
    count = count + 1
    if count > settings.trace_entries then
      insert(shown, "…")
      break
    end
    insert(shown, key_of(key) .. " = " .. plain(item, 40))
  end
  sort(shown)
  return "{" .. concat(shown, ", ") .. "}"
end

local function text_for(value)
  if type(value) ~= "table" then
    return plain(value, settings.trace_value_bytes)
  elseif rawget(value, "raw_host") and rawget(value, "client_ip") then
    -- Whoever asks knows it, and it is the same after each line.
    return "the request"
  end
  return entries(value)
end

local function shown(value)
  local text = text_for(value)
  left_bytes = left_bytes - #text
  return left_bytes >= 0 and text or "…"
end

-- Return the locals of the function that runs at `level` above the caller, the innermost of a name.
local function locals_at(level)
  local found = {}
  for index = 1, settings.trace_locals do
    local name, value = getlocal(level + 1, index)
    if not name then
      break
    end
    if sub(name, 1, 1) ~= "(" then
      found[name] = shown(value)
    end
  end
  return found
end

-- Return how many functions of the configuration lie between `level` above the caller and `route`.
local function depth_at(level)
  local depth = -1
  for above = level + 1, level + settings.trace_depth do
    local frame = getinfo(above, "S")
    if not frame then
      break
    elseif frame.source == budget.CHUNK then
      depth = depth + 1
    end
  end
  return depth
end

-- What is pending deeper than the function that goes on was left by an error or a tail call.
local function forget_deeper(mine, depth)
  for each in next, mine do
    if each > depth then
      mine[each] = nil
    end
  end
end

-- Note what a line has left in the locals, now that it is over. Those that are out of scope by now
-- stay as they were.
local function finish(step, found)
  for name, value in next, found do
    step.locals[name] = value
  end
end

local function on_line(line, run, mine, depth)
  local found = locals_at(3)
  local step = mine[depth]
  step = step and step.run == run and step
  if step and step.line == line and has_returned then
    -- The same line goes on behind a call that it made.
    return
  elseif step then
    finish(step, found)
  end
  mine[depth] = nil
  left_steps = left_steps - 1
  if left_steps < 0 then
    -- What comes now is only counted: at its usual pace, so that it ends as it does in traffic.
    sethook(budget.on_count, "", settings.hook_instructions)
    return
  end
  step = { line = line, depth = depth, run = run, locals = found }
  insert(steps, step)
  mine[depth] = step
end

local function on_event(event, line)
  if event == "count" then
    return budget.on_count()
  end
  local frame = getinfo(2, "Sf")
  if frame.source ~= budget.CHUNK then
    return
  end
  local thread = running() or "main"
  local mine = rawget(pending, thread) or {}
  pending[thread] = mine
  local depth = depth_at(2)
  forget_deeper(mine, depth)
  if event == "line" then
    on_line(line, frame.func, mine, depth)
  elseif mine[depth] and mine[depth].run == frame.func then
    finish(mine[depth], locals_at(2))
    mine[depth] = nil
  end
  has_returned = event ~= "line"
end

local function start()
  steps, pending, has_returned = {}, {}, false
  left_steps, left_bytes = settings.trace_steps, settings.trace_bytes
  sethook(on_event, "lr", settings.hook_instructions)
end

-- Return the steps since `start`, whether there were more of them, and whether values were left out.
local function take()
  sethook(budget.on_count, "", settings.hook_instructions)
  for _, step in next, steps do
    step.run = nil
  end
  return steps, left_steps < 0, left_bytes < 0
end

return { start = start, take = take }
