using System.Text.Json;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Conversations.Pricing;

/// <summary>A stored message that has a cost source.</summary>
internal sealed record StoredAnswer
{
    public Guid ConversationId { get; init; }
    public long Position { get; init; }
    public int? InputTokens { get; init; }
    public int? OutputTokens { get; init; }
    public RawJson Metadata { get; init; }

    /// <summary>
    /// Null where the metadata are not those of a logged answer: clients choose the metadata of messages that other routes store.
    /// </summary>
    public AnswerMetadata? ReadMetadata()
    {
        try
        {
            var metadata = JsonSerializer.Deserialize<AnswerMetadata>(Metadata.Text, JsonConventions.Options);
            return metadata is { Provider: not null, PricedModel: not null } ? metadata : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Another price of a stored answer.</summary>
/// <param name="Answer">The answer as it is stored.</param>
/// <param name="Before">Its metadata with the former cost.</param>
/// <param name="After">Its metadata with the new cost.</param>
internal sealed record RepricedAnswer(StoredAnswer Answer, AnswerMetadata Before, AnswerMetadata After);
