using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Bounds the bytes of answers that this host holds for all MCP servers, and the share of each scope.</summary>
internal sealed class AnswerMemory
{
    /// <summary>Bytes of all answers: three of the longest.</summary>
    public const long MaxBytes = 96 * Megabyte;

    /// <summary>Bytes of the answers to one scope: a share that leaves the host's memory to others.</summary>
    public const long MaxBytesPerScope = 64 * Megabyte;

    private const long Megabyte = 1024 * 1024;

    private readonly Lock _lock = new();

    // Bytes by Scope.Id; guarded by _lock, as is the sum of all.
    private readonly Dictionary<string, long> _scopes = [];
    private long _bytes;

    /// <summary>Begins a lease without bytes.</summary>
    /// <param name="scope">The owner of the MCP server.</param>
    public Lease BeginLease(Scope scope) => new(this, scope.Id);

    private static McpFailureException CreateFailure(string where, long limit) => new(
        McpFailure.Overloaded,
        $"The answer was not read: the answers of MCP servers under way {where} would be longer than {limit / Megabyte} MB");

    /// <summary>The bytes that one call or one stream holds.</summary>
    internal sealed class Lease(AnswerMemory memory, string scopeId) : IDisposable
    {
        // Guarded by the lock of the memory.
        private long _bytes;

        /// <summary>Adds bytes to the lease.</summary>
        /// <exception cref="McpFailureException">
        /// The scope or the host would hold too many. The lease has released its bytes: otherwise answers that arrive at the same time
        /// would all be refused, although some of them have room without the others.
        /// </exception>
        public void Add(long bytes)
        {
            lock (memory._lock)
            {
                var held = memory._scopes.GetValueOrDefault(scopeId) + bytes;
                var failure = held > MaxBytesPerScope ? CreateFailure("for this API key or project", MaxBytesPerScope)
                    : memory._bytes + bytes > MaxBytes ? CreateFailure("on this host", MaxBytes)
                    : null;
                if (failure is not null)
                {
                    Release();
                    throw failure;
                }

                memory._scopes[scopeId] = held;
                memory._bytes += bytes;
                _bytes += bytes;
            }
        }

        /// <summary>Releases the bytes; the lease can be used again.</summary>
        public void Release()
        {
            lock (memory._lock)
            {
                if (_bytes == 0)
                    return;
                memory._bytes -= _bytes;
                if ((memory._scopes[scopeId] -= _bytes) == 0)
                    memory._scopes.Remove(scopeId);
                _bytes = 0;
            }
        }

        public void Dispose() => Release();
    }
}
