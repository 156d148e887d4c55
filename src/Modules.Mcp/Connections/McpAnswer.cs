namespace LlmRing.Modules.Mcp.Connections;

/// <summary>An answer of an MCP server. Its bytes count in <see cref="AnswerMemory"/> until the answer is disposed of.</summary>
/// <param name="value">The answer.</param>
/// <param name="lease">The bytes of the answer.</param>
internal sealed class McpAnswer<T>(T value, AnswerMemory.Lease lease) : IDisposable
{
    public T Value { get; } = value;

    public void Dispose() => lease.Dispose();
}
