-- Gets the path; %d in PATH_FORMAT becomes a number that differs from call to call, so that no answer comes from a cache.
local format = os.getenv("PATH_FORMAT")
local count = 0
wrk.headers["X-API-Key"] = os.getenv("KEY") or "bench"
wrk.headers["If-None-Match"] = os.getenv("ETAG")
request = function()
  count = count + 1
  return wrk.format("GET", (format:gsub("%%d", count % 1000000)))
end
