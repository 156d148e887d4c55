-- Posts the protobuf that the file named by BODY holds. Each request has a key of its own, so that its spans are new.
local file = assert(io.open(os.getenv("BODY"), "rb"))
local body = file:read("*a")
file:close()
local threads = 0
function setup(thread)
    thread:set("id", threads)
    threads = threads + 1
end
local sent = 0
function request()
    sent = sent + 1
    return wrk.format("POST", nil, {
        ["Content-Type"] = "application/x-protobuf",
        ["X-API-Key"] = string.format("bench-%d-%d-%d", os.time(), id, sent),
    }, body)
end
