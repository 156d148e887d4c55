namespace LlmRing.Host.Startup;

/// <summary>The arguments of <c>serve</c>.</summary>
/// <param name="Environment">The purpose of the run.</param>
/// <param name="Host">Address to listen on.</param>
/// <param name="Port">Port to listen on; 0 takes a free one.</param>
public sealed record ServerArguments(ServerEnvironment Environment, string Host, int Port);
