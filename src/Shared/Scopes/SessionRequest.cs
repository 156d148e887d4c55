using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using LlmRing.Shared.Json;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Shared.Scopes;

/// <summary>Marks a request whose API key comes from a browser's session instead of a header.</summary>
internal sealed class SessionRequest
{
    public static SessionRequest Instance { get; } = new();
}

/// <summary>What a response to a browser's session leaves out: scripts of a page must not be able to read any credential.</summary>
public static class SessionResponses
{
    private static readonly JsonSerializerOptions WithoutCredentials = Create();

    /// <summary>
    /// How to serialize a response: <see cref="JsonConventions.Options"/>; for a browser's session the same with <c>api_key_id</c> null
    /// (in bridge mode it is the key itself) and with <c>has_auth_config</c> in place of <c>auth_config</c>.
    /// </summary>
    public static JsonSerializerOptions GetResponseJsonOptions(this HttpContext context) =>
        context.Features.Get<SessionRequest>() is null ? JsonConventions.Options : WithoutCredentials;

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(JsonConventions.Options)
        {
            TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { HideCredentials } },
        };
        options.MakeReadOnly();
        return options;
    }

    private static void HideCredentials(JsonTypeInfo type)
    {
        if (type.Kind is not JsonTypeInfoKind.Object)
            return;
        foreach (var property in type.Properties.Where(property => property.Name is "api_key_id"))
            property.Get = _ => null;
        if (type.Properties.FirstOrDefault(property => property.Name is "auth_config") is { Get: { } read } secret)
        {
            var has = type.CreateJsonPropertyInfo(typeof(bool), "has_auth_config");
            has.Get = item => read(item) is not null;
            type.Properties[type.Properties.IndexOf(secret)] = has;
        }
    }
}
