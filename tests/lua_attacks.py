"""Bodies of `route` that attack the engine they run in: by name, for the tests and for the soak."""

RUNS_FOREVER = {
    "a loop": "while true do end",
    "a loop in a protected call": "while true do pcall(function() while true do end end) end",
    "protected calls of protected calls": "while true do pcall(pcall, pcall, error) end",
    "a loop in a coroutine": "coroutine.wrap(function() while true do end end)()",
    "resuming a loop again and again": (
        "local t = coroutine.create(function() while true do end end)\n"
        "while true do coroutine.resume(t) coroutine.resume(coroutine.create(function()"
        " while true do end end)) end"
    ),
    "a coroutine that yields for ever": (
        "local f = coroutine.wrap(function() while true do coroutine.yield() end end)\n"
        "while true do pcall(f) end"
    ),
    "a comparison that loops": "table.sort({2, 1}, function() while true do end end)",
    "a replacement that loops": "string.gsub('x', '.', function() while true do end end)",
    "an index that loops": (
        "return setmetatable({}, {__index = function() while true do end end}).x"
    ),
    "a name that loops": (
        "tostring(setmetatable({}, {__tostring = function() while true do end end}))"
    ),
    "printing what loops": (
        "print(setmetatable({}, {__tostring = function() while true do end end}))"
    ),
    "sorting a large table": (
        "local t = {} for i = 1, 3e4 do t[i] = -i end table.sort(t) return 'web'"
    ),
    "endless recursion": "local function f() return f() end return f()",
    "joining large strings": "local s = ('x'):rep(1e6) while true do local t = s .. 1 end",
    "turning large strings": "local s = ('x'):rep(1e6) while true do local t = s:reverse() end",
    "inserting in front": (
        "local t = {} for i = 1, 1e5 do t[i] = i end\n"
        "while true do table.insert(t, 1, 1) table.remove(t, 1) end"
    ),
    "joining a large table": (
        "local t = {} for i = 1, 1e5 do t[i] = 'abcdefgh' end while true do table.concat(t) end"
    ),
    "patterns in a loop": "local s = ('a'):rep(600) while true do s:match('[^b]*x') end",
    "going through everything": "for k in function() return 1 end do end",
    "goto": "::again:: goto again",
    "cutting large strings": "local s = ('x'):rep(1e6) while true do local t = s:sub(2) end",
    "lowering large strings": "local s = ('X'):rep(1e6) while true do local t = s:lower() end",
    "raising large strings": "local s = ('x'):rep(1e6) while true do local t = s:upper() end",
    "repeating again and again": "while true do local t = ('x'):rep(1e6) end",
    "quoting large strings": (
        "local s = ('x'):rep(2e5) while true do local t = ('%q'):format(s) end"
    ),
    "comparing large strings": (
        "local a = ('x'):rep(1e6) local b = a .. 'y' while true do local c = a < b end"
    ),
    "looking for a long needle": (
        "local s, n = ('a'):rep(65000), ('a'):rep(1000) .. 'b'\n"
        "while true do s:find(n, 1, true) end"
    ),
    "replacing nothing": "local s = ('x'):rep(65000) while true do s:gsub('y', 'z') end",
    "bytes and back": (
        "local s = ('x'):rep(7000) while true do local t = string.char(s:byte(1, -1)) end"
    ),
    "counting a large table": (
        "local t = {} for i = 1, 5e4 do t[i] = 1 end while true do table.maxn(t) end"
    ),
    "unpacking a large table": (
        "local t = {} for i = 1, 7000 do t[i] = i end while true do unpack(t) end"
    ),
    "names of numbers": "local i = 0 while true do i = i + 1 local t = tostring(i) end",
    "numbers of names": "while true do local t = tonumber(('1'):rep(300)) end",
    "errors without end": "while true do pcall(error, 'x') end",
    "a sum that loops": ("return setmetatable({}, {__add = function() while true do end end}) + 1"),
    "an equality that loops": (
        "local m = {__eq = function() while true do end end}\n"
        "return setmetatable({}, m) == setmetatable({}, m)"
    ),
    "a call that loops": ("return setmetatable({}, {__call = function() while true do end end})()"),
    "an assignment that loops": (
        "setmetatable({}, {__newindex = function() while true do end end}).x = 1"
    ),
    "a replacement table that loops": (
        "('x'):gsub('.', setmetatable({}, {__index = function() while true do end end}))"
    ),
    "a coroutine for each turn": (
        "while true do coroutine.wrap(function() coroutine.yield(1) end)() end"
    ),
    "the clock": "while os.clock() >= 0 do end",
    "dates": "while true do os.time({ year = 2026, month = 1, day = 1 }) end",
}
"""Each would never return: the budget of instructions or of time stops it."""

TOO_COSTLY = {
    "twelve lazy repetitions": ("return ('a'):rep(200):find(('.-'):rep(12) .. 'b')", "steps"),
    "nine bytes that ran eleven seconds": ("return ('a'):rep(200):find('.-.-.-.-b')", "steps"),
    "the same in match": ("return ('a'):rep(200):match('.*.*.*.*b')", "steps"),
    "the same in gmatch": ("return ('a'):rep(200):gmatch('.+.+.+.+b')", "steps"),
    "the same in gsub": ("return ('a'):rep(200):gsub('.-.-.-.-b', '')", "steps"),
    "the same by the library": ("return string.find(('a'):rep(200), '.-.-.-.-b')", "steps"),
    "options without end": (
        "return ('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(30))",
        "steps",
    ),
    "balances": ("return ('('):rep(6e4):find(('%b()'):rep(5))", "steps"),
    "repeated sets": ("return ('a'):rep(900):find('[ab]*[ac]*[ad]*e')", "steps"),
    "an unanchored class on a long text": ("return ('a'):rep(60000):find('%a+%d')", "steps"),
    "a choice before a scan": ("return ('a'):rep(6e4):find('^.-a+b')", "steps"),
    "a flaw behind the costly part": ("return ('a'):rep(200):find('.-.-.-.-b%')", "malformed"),
    "a set without end": ("return ('a'):rep(200):find('.-.-.-.-[b')", "malformed"),
    "a long pattern": ("return ('a'):find(('a'):rep(2000))", "pattern has 2000 bytes"),
    "a long needle": ("return ('a'):find(('a'):rep(2000), 1, true)", "2000 bytes"),
    "a long text": ("return ('a'):rep(1e5):find('b')", "text has 100000 bytes"),
    "repeating": ("return ('x'):rep(1e8)", "string.rep would make"),
    "repeating, in words": ("return ('x'):rep('1e8')", "string.rep would make"),
    "repeating a number": ("return string.rep(7, 1e8)", "string.rep would make"),
    "repeating a separator": ("return (''):rep(1e6, ('x'):rep(100))", "string.rep would make"),
    "repeating without end": ("return ('x'):rep(math.huge)", "string.rep would make"),
    "replacing": (
        "return ('x'):rep(6e4):gsub('x', ('y'):rep(1000))",
        "string.gsub would make",
    ),
    "formatting": ("local s = ('x'):rep(9e5) return ('%q'):format(s)", "string.format would make"),
    "gsub in gsub": (
        "local function f() return (('x'):gsub('.', f)) end return f()",
        "more than 50 calls",
    ),
    "sort in sort": (
        "local function f() table.sort({2, 1}, f) end f()",
        "more than 50 calls",
    ),
    "format in format": (
        "local f f = function() return (('%s'):format(setmetatable({}, {__tostring = f}))) end\n"
        "return f()",
        "more than 50 calls",
    ),
    "time in time": (
        "local f f = function() return (os.time(setmetatable({}, {__index = f}))) end return f()",
        "field 'day' missing",
    ),
    "coroutines in coroutines": (
        "local function f() return coroutine.wrap(function() return (f()) end)() end f()",
        "more than 50 calls",
    ),
    "inserting far below": ("table.insert({}, -2^31, 1)", "position is outside"),
    "removing far below": ("table.remove({}, -2^31)", "position is outside"),
    "unpacking what is not there": ("return unpack({}, 1, 1e8)", "too many results"),
    "all bytes at once": ("return ('x'):rep(6e4):byte(1, -1)", "slice too long"),
    "concatenating for ever": (
        "local m = {} m.__concat = function(a, b) return (a .. b) end\n"
        "local t = setmetatable({}, m) return t .. t",
        "stack overflow",
    ),
}
"""Each would hold the loop inside one call, where no hook can stop it; and what is said of it."""
