namespace LlmRing.Shared.Data;

/// <summary>
/// Gives rows of a module that the reference server wrote under a key alone to the project of that key, which in strict
/// mode is their scope. Run before the server listens, in strict mode only.
/// </summary>
/// <param name="Statement">
/// SQL over the module's tables and <c>llmring_api.api_keys</c>; finds nothing to do, quickly, where it has been run before.
/// </param>
public sealed record ProjectFilling(string Statement);
