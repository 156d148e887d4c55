namespace LlmRing.Modules.Conversations;

/// <summary>The routes of this module. Each is served under two prefixes: the README and the SDK use the short one.</summary>
internal static class ConversationRoutes
{
    /// <param name="rest">The route after the prefix, e.g. <c>/{id}</c>.</param>
    public static string[] Of(string rest) => [$"/api/v1/conversations{rest}", $"/conversations{rest}"];
}
