-- What a configuration sees, and what it declares: an allow-list of names, and nothing else.
--
-- No Python object is ever given to Lua: what the configuration declares is kept here as plain
-- tables, and read when it has run.

local settings, budget, strings = ...

local assert, error, getmetatable, ipairs = assert, error, getmetatable, ipairs
local next, pcall, rawget, time = next, pcall, rawget, os.time
local select, tonumber, tostring, type = select, tonumber, tostring, type
local concat, insert, remove, sort = table.concat, table.insert, table.remove, table.sort
local create, format, gmatch = coroutine.create, string.format, string.gmatch
local match, sub = string.match, string.sub
local nested, refuse, where = budget.nested, budget.refuse, budget.where

---------------------------------------------------------------------------------------------------
-- What it declares

local refusal

-- A declaration that cannot be taken is the configuration's mistake, not Lua's.
local function refuse_declaration(message)
  refusal = where() .. message
  error(refusal, 0)
end

local declared, is_declaring, plain_left = {}, true, 0
local printed, printed_bytes = nil, 0

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
      refuse_declaration(format("%s has a %s for a key; keys are names or numbers", name,
        type(key)))
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
  if not is_declaring then
    refuse(format("%s declares what is there while the file is loaded; route cannot call it", what))
  end
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

local function has_printed()
  return printed ~= nil
end

local function take_printed()
  local text = printed and concat(printed)
  printed, printed_bytes = nil, 0
  return text
end

-- Return everything that was declared. From now on nothing can be.
local function take_declared()
  is_declaring = false
  return declared
end

local function is_refusal(message)
  return message == refusal
end

---------------------------------------------------------------------------------------------------
-- What it sees

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
coroutines.resume = budget.nested_resume

function coroutines.wrap(body)
  local thread = create(body)
  return function(...)
    return budget.unprotected(budget.nested_resume(thread, ...))
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
environment.os = copy_of(os, "clock")
environment.print = print_line
environment.listen = declaration("listen")
environment.limits = declaration("limits")
environment.pool = declare_pool
environment.same_identity = declaration("same_identity")

-- The original would call an __index of the table from C.
function environment.os.time(fields)
  if type(fields) ~= "table" then
    return time(fields)
  end
  local copy = {}
  for _, name in ipairs({ "year", "month", "day", "hour", "min", "sec", "isdst" }) do
    copy[name] = rawget(fields, name)
  end
  return time(copy)
end

-- No xpcall: its handler runs where no hook fires.
function environment.pcall(...)
  return budget.after_protected(pcall(...))
end

return {
  environment = environment, has_printed = has_printed, is_refusal = is_refusal,
  take_declared = take_declared, take_printed = take_printed,
}
