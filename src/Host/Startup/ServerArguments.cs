namespace LlmRing.Host.Startup;

/// <summary>What <c>serve</c> is told on its command line.</summary>
/// <param name="Environment">What the server is run for.</param>
/// <param name="Host">Address to listen on.</param>
/// <param name="Port">Port to listen on; 0 takes a free one.</param>
public sealed record ServerArguments(ServerEnvironment Environment, string Host, int Port);
