using System.Text;
using System.Text.Json;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Conversations.Storage;

/// <summary>The metadata of a message as stored: those of the client, and under <c>extra</c> the members that have no column.</summary>
internal static class MessageMetadata
{
    /// <summary>Google's name of the assistant's role. The message is stored as assistant, and <c>extra.role</c> says model.</summary>
    public const string GoogleAssistant = "model";

    /// <summary>Members of an answered message that the server computes. A message that is sent back may have them.</summary>
    private static readonly string[] ComputedMembers = ["conversation_id", "content_hash"];

    /// <param name="message">The message as sent.</param>
    /// <param name="level">With Full only, <c>extra</c> has the other members of the message: they may be content.</param>
    public static RawJson Of(MessageInput message, LoggingLevel level)
    {
        var extra = level is LoggingLevel.Full && message.Extra is { } members
            ? members.Where(member => !ComputedMembers.Contains(member.Key)).ToList()
            : [];
        if (message.Role is GoogleAssistant)
            extra.Add(new("role", JsonSerializer.SerializeToElement(message.Role)));
        return extra.Count == 0 ? RawJson.Of(message.Metadata) ?? RawJson.EmptyObject : Merge(message.Metadata, extra);
    }

    // The writer accepts several members of one name, unlike JsonObject; PostgreSQL keeps the last.
    private static RawJson Merge(JsonElement? metadata, List<KeyValuePair<string, JsonElement>> extra)
    {
        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            var sentExtra = default(JsonElement);
            if (metadata is { ValueKind: JsonValueKind.Object } sent)
            {
                foreach (var member in sent.EnumerateObject())
                {
                    if (member.NameEquals("extra"))
                        sentExtra = member.Value;
                    else
                        member.WriteTo(json);
                }
            }

            json.WriteStartObject("extra");
            if (sentExtra.ValueKind is JsonValueKind.Object)
            {
                foreach (var member in sentExtra.EnumerateObject())
                    member.WriteTo(json);
            }
            else if (sentExtra.ValueKind is not JsonValueKind.Undefined)
            {
                // An "extra" of the client that is no object is kept as a member of the object.
                json.WritePropertyName("extra");
                sentExtra.WriteTo(json);
            }

            foreach (var (name, value) in extra)
            {
                json.WritePropertyName(name);
                value.WriteTo(json);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return new RawJson(Encoding.UTF8.GetString(output.GetBuffer().AsSpan(0, (int)output.Length)));
    }
}
