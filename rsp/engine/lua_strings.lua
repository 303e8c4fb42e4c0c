-- The string library of a configuration: the same functions, with their cost bounded before they
-- start. They are C functions, which no hook can interrupt, so a bound on the instructions of the
-- caller is no bound on them: `.-.-.-.-b` on 200 bytes would run for eleven seconds.

local limits, budget = ...

local byte, char, find, floor = string.byte, string.char, string.find, math.floor
local format, gmatch, gsub, match = string.format, string.gmatch, string.gsub, string.match
local rep, sub = string.rep, string.sub
local look_at_clock, nested, refuse = budget.look_at_clock, budget.nested, budget.refuse
local ipairs, select, tonumber, tostring, type = ipairs, select, tonumber, tostring, type

-- Worth a look at the clock afterwards; anything less is noise beside the count of instructions.
local NOTABLE_STEPS = 1e5

-- Return the position behind the single-character class that begins at `at`; nil: malformed.
local function class_end(pattern, at)
  local first = sub(pattern, at, at)
  if first == "%" then
    return at < #pattern and at + 2 or nil
  end
  if first ~= "[" then
    return at + 1
  end
  at = at + 1
  if sub(pattern, at, at) == "^" then
    at = at + 1
  end
  repeat
    if at > #pattern then
      return nil
    end
    -- A `]` that stands first is an ordinary member of the set.
    at = at + (sub(pattern, at, at) == "%" and 2 or 1)
  until sub(pattern, at, at) == "]"
  return at + 1
end

-- Return the items of a pattern, each {text, quantifier}; nil: malformed.
-- `%b` and `%1` scan the text and leave no choice: they have no text, and "scan" for a quantifier.
local function items_of(pattern, at)
  local items = {}
  while at <= #pattern do
    local first, two = sub(pattern, at, at), sub(pattern, at, at + 1)
    if first == "(" or first == ")" then
      at = at + 1
    elseif first == "$" and at == #pattern then
      items[#items + 1] = { text = nil, quantifier = "end" }
      at = at + 1
    elseif two == "%b" then
      items[#items + 1] = { text = nil, quantifier = "scan" }
      at = at + 4
    elseif find(two, "^%%%d") then
      items[#items + 1] = { text = nil, quantifier = "scan" }
      at = at + 2
    elseif two == "%f" then
      at = class_end(pattern, at + 2)
    else
      local behind = class_end(pattern, at)
      if not behind then
        return nil
      end
      local quantifier = match(pattern, "^[*+?-]", behind) or ""
      items[#items + 1] = { text = sub(pattern, at, behind - 1), quantifier = quantifier }
      at = behind + #quantifier
    end
    if not at then
      return nil
    end
  end
  return items
end

local function disjoint(one, other)
  one, other = "^" .. one, "^" .. other
  for code = 0, 255 do
    local letter = char(code)
    if find(letter, one) and find(letter, other) then
      return false
    end
  end
  return true
end

-- Whether the matcher has only one way to split the text after this repetition: it is the last
-- item, or what must follow it is a character that it cannot match itself.
local function has_one_way(item, following)
  if not following then
    return true
  end
  local must_follow = following.quantifier == "" or following.quantifier == "+"
  return must_follow and following.text ~= nil and disjoint(item.text, following.text)
end

-- Return the one character that every match begins with, when the first item says so.
local function lead_of(item)
  if item and item.quantifier == "" and item.text ~= "." then
    return #item.text == 1 and item.text or match(item.text, "^%%(%p)$")
  end
end

-- What a pattern can cost on n bytes from one starting point: `factor` * n^`degree`. From its end
-- to its beginning: a repetition with one way is one more scan of the text, any other one tries
-- all that follows it at each of n places, and an optional item tries it twice.
local function analyse(pattern)
  local anchored = sub(pattern, 1, 1) == "^"
  local items = items_of(pattern, anchored and 2 or 1)
  if not items then
    return nil
  end
  local degree, factor = 0, 1
  for at = #items, 1, -1 do
    local item = items[at]
    local quantifier = item.quantifier
    if quantifier ~= "" and quantifier ~= "end" then
      if quantifier == "scan" or has_one_way(item, items[at + 1]) then
        degree = degree > 0 and degree or 1
      elseif quantifier == "?" then
        factor = factor * 2
      else
        degree = degree + 1
      end
    end
  end
  return { anchored = anchored, degree = degree, factor = factor, lead = lead_of(items[1]) }
end

local known, known_count = {}, 0

local function analysis_of(pattern)
  local found = known[pattern]
  if found == nil then
    if known_count >= limits.patterns_kept then
      known, known_count = {}, 0
    end
    found = analyse(pattern) or false
    known[pattern], known_count = found, known_count + 1
  end
  return found
end

local function count_of(text, letter)
  local count, at = 0, 0
  repeat
    at = find(text, letter, at + 1, true)
    count = count + 1
  until not at
  return count
end

-- From one starting point: the number of ways to cut n bytes in `degree` places. From all of them:
-- in one place more, or from as many as the text has of the character that must come first.
local function steps_of(analysis, text, pattern, ignores_anchor)
  local bytes, steps = #text, analysis.factor
  for place = 1, analysis.degree do
    steps = steps * (bytes + place) / place
  end
  if analysis.anchored and not ignores_anchor then
    return steps + #pattern
  end
  local from_everywhere = steps * (bytes + analysis.degree + 1) / (analysis.degree + 1)
  if from_everywhere > limits.pattern_steps and analysis.lead then
    from_everywhere = bytes + steps * count_of(text, analysis.lead)
  end
  -- An eighth, because most starting points fail before the end of a literal is reached.
  return from_everywhere + bytes * #pattern / 8
end

local function admit_bytes(text, what)
  if #text > limits.subject_bytes then
    refuse(format("%s has %d bytes; string functions take at most %d", what, #text,
      limits.subject_bytes))
  end
end

local function admit(text, pattern, ignores_anchor)
  if type(text) == "number" then
    text = tostring(text)
  end
  if type(text) ~= "string" or type(pattern) ~= "string" then
    return -- The function itself has the better error message.
  end
  admit_bytes(text, "the text")
  if #pattern > limits.pattern_bytes then
    refuse(format("the pattern has %d bytes; at most %d are allowed", #pattern,
      limits.pattern_bytes))
  end
  local analysis = analysis_of(pattern)
  if not analysis then
    -- The matcher finds the flaw only once it gets there, and may be busy for long before that.
    refuse(format("the pattern %q is malformed", sub(pattern, 1, 60)))
  end
  local steps = steps_of(analysis, text, pattern, ignores_anchor)
  if steps > limits.pattern_steps then
    refuse(format("the pattern %q could take %.2g steps on these %d bytes (at most %.2g); "
      .. "anchor it with ^, or repeat less with * + - ?", sub(pattern, 1, 60), steps, #text,
      limits.pattern_steps))
  end
  if steps > NOTABLE_STEPS then
    look_at_clock()
  end
end

local function admit_result(bytes, what)
  if bytes > limits.result_bytes then
    refuse(format("%s would make %.0f bytes; at most %d are allowed", what, bytes,
      limits.result_bytes))
  end
end

-- Numbers count as their text, for the functions themselves take them so.
local function bytes_of(value)
  local kind = type(value)
  return (kind == "string" or kind == "number") and #tostring(value) or 0
end

local bounded = {
  byte = byte, char = char, len = string.len, lower = string.lower, upper = string.upper,
  reverse = string.reverse, sub = sub,
}

-- Tail calls, so that the errors of the functions themselves name the line of the configuration.

function bounded.find(text, pattern, init, plain)
  if not plain then
    admit(text, pattern)
  elseif type(text) == "string" and type(pattern) == "string" then
    admit_bytes(text, "the text")
    if #pattern > limits.pattern_bytes then
      refuse(format("the text to look for has %d bytes; at most %d are allowed", #pattern,
        limits.pattern_bytes))
    end
  end
  return find(text, pattern, init, plain)
end

function bounded.match(text, pattern, init)
  admit(text, pattern)
  return match(text, pattern, init)
end

function bounded.gmatch(text, pattern)
  admit(text, pattern, true)
  return gmatch(text, pattern)
end

function bounded.gsub(text, pattern, replacement, count)
  admit(text, pattern)
  if type(replacement) == "string" then
    local _, escapes = gsub(replacement, "%%", "")
    admit_result((bytes_of(text) + 1) * (#replacement + escapes), "string.gsub")
  elseif type(replacement) == "function" or type(replacement) == "table" then
    return nested(gsub, text, pattern, replacement, count)
  end
  return gsub(text, pattern, replacement, count)
end

function bounded.rep(text, count, separator)
  local times = tonumber(count)
  if times then
    admit_result((bytes_of(text) + bytes_of(separator)) * floor(times), "string.rep")
  end
  return rep(text, count, separator)
end

function bounded.format(pattern, ...)
  local bytes, has_table = type(pattern) == "string" and #pattern or 0, false
  for at = 1, select("#", ...) do
    local value = select(at, ...)
    local kind = type(value)
    -- %q writes a byte as up to four; %99.99f is the longest that a number can become.
    bytes = bytes + (kind == "string" and 4 * #value or 512)
    has_table = has_table or kind == "table"
  end
  admit_result(bytes, "string.format")
  if has_table then -- It may have a __tostring.
    return nested(format, pattern, ...)
  end
  return format(pattern, ...)
end

return bounded
