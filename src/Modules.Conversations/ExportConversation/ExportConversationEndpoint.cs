using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using FastEndpoints;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Conversations.ExportConversation;

/// <summary>GET /{id}/export streams a conversation as JSON Lines.</summary>
internal sealed class ExportConversationEndpoint(ConversationRepository conversations) : Endpoint<ExportConversationRequest>
{
    private const string JsonLines = "application/x-ndjson";
    private const int PageRows = 500;
    // Less than a list has: a page is held for as long as the client takes to read it.
    private const int PageCharacters = 512 * 1024;
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
        if (await conversations.FindAsync(scope, request.Id, ct) is not { } conversation)
        {
            await Send.NotFoundAsync("Conversation", ct);
            return;
        }

        HttpContext.MarkResponseStart();
        HttpContext.Response.ContentType = JsonLines;
        HttpContext.Response.Headers.ContentDisposition = $"attachment; filename=\"conversation-{request.Id}.jsonl\"";
        var output = HttpContext.Response.BodyWriter;
        var options = HttpContext.GetResponseJsonOptions();
        await WriteLineAsync(output, conversation, options, ct);
        var (hasMore, position) = (true, 0L);
        while (hasMore)
        {
            // One query per page instead of an open reader: a slow client then holds no database connection.
            var page = await conversations.ListMessagesAsync(
                scope, request.Id, new MessagePage(PageRows, position, MaxCharacters: PageCharacters), ct);
            foreach (var message in page.Rows)
            {
                await WriteLineAsync(output, message, options, ct);
                position = message.Position;
            }

            hasMore = page.HasMore;
        }

        await output.FlushAsync(ct);
    }

    private static async ValueTask WriteLineAsync<T>(
        PipeWriter output, T value, JsonSerializerOptions options, CancellationToken cancellationToken)
    {
        await using (var json = new Utf8JsonWriter(output))
            JsonSerializer.Serialize(json, value, options);
        output.Write("\n"u8);
        if (output.UnflushedBytes > FlushBytes)
            await output.FlushAsync(cancellationToken);
    }
}

internal sealed record ExportConversationRequest
{
    public Guid Id { get; init; }
}
