namespace LlmRing.Modules.Conversations;

/// <summary>Every route is served under both prefixes: the README and the SDK use the short one.</summary>
internal static class ConversationRoutes
{
    /// <param name="rest">What follows the prefix, e.g. <c>/{id}</c>.</param>
    public static string[] Of(string rest) => [$"/api/v1/conversations{rest}", $"/conversations{rest}"];
}
