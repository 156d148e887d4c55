-- Posts what the file named by BODY holds.
local file = assert(io.open(os.getenv("BODY")))
local body = file:read("*a")
file:close()
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = os.getenv("KEY") or "bench"
wrk.body = body
