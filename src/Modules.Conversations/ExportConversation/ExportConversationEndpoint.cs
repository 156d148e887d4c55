using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using FastEndpoints;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Conversations.ExportConversation;

/// <summary>GET /{id}/export streams a conversation as JSON Lines.</summary>
internal sealed class ExportConversationEndpoint(ConversationRepository conversations) : Endpoint<ExportConversationRequest>
{
    private const string JsonLines = "application/x-ndjson";
    private const int PageSize = 500;
    private const int FlushBytes = 64 * 1024;

    public override void Configure()
    {
        Get(ConversationRoutes.Of("/{id}/export"));
        Options(route => route.WithMetadata(new StreamedResponseAttribute()));
        Description(description => description.Produces<string>(StatusCodes.Status200OK, JsonLines), clearDefaults: true);
        Summary(summary =>
        {
            summary.Summary = "Export a conversation as JSON Lines";
            summary.Description = """
                The first line is the conversation, each further line one of its messages, oldest first, as the other routes answer them.
                """;
            summary.Response<string>(StatusCodes.Status200OK, "One JSON object on each line.", JsonLines);
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The caller has no such conversation.");
        });
    }

    public override async Task HandleAsync(ExportConversationRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await conversations.FindWithMessagesAsync(scope, request.Id, PageSize, ct) is not var (conversation, messages))
        {
            await Send.NotFoundAsync("Conversation", ct);
            return;
        }

        HttpContext.MarkResponseStart();
        HttpContext.Response.ContentType = JsonLines;
        HttpContext.Response.Headers.ContentDisposition = $"attachment; filename=\"conversation-{request.Id}.jsonl\"";
        var output = HttpContext.Response.BodyWriter;
        await WriteLineAsync(output, conversation, ct);
        // One query per page instead of an open reader: a slow client then holds no database connection.
        while (messages is { Count: > 0 })
        {
            foreach (var message in messages)
                await WriteLineAsync(output, message, ct);
            messages = messages.Count == PageSize
                ? await conversations.ListMessagesAsync(scope, request.Id, messages[^1].Position, PageSize, 0, ct)
                : null;
        }

        await output.FlushAsync(ct);
    }

    private static async ValueTask WriteLineAsync<T>(PipeWriter output, T value, CancellationToken cancellationToken)
    {
        await using (var json = new Utf8JsonWriter(output))
            JsonSerializer.Serialize(json, value, JsonConventions.Options);
        output.Write("\n"u8);
        if (output.UnflushedBytes > FlushBytes)
            await output.FlushAsync(cancellationToken);
    }
}

internal sealed record ExportConversationRequest
{
    public Guid Id { get; init; }
}
