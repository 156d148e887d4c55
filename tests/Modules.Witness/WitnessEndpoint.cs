using Dapper;
using FastEndpoints;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Witness;

/// <summary>GET /api/v1/witness answers the events of the caller's scope; with <c>?fail=true</c> it throws.</summary>
internal sealed class WitnessEndpoint(Testimony testimony, NpgsqlDataSource database) : Endpoint<WitnessRequest, WitnessResponse>
{
    // Static, because FastEndpoints configures endpoints before their services exist.
    public static Misconduct Misconduct { get; set; }

    public override void Configure()
    {
        if (Misconduct is Misconduct.EndpointConfiguration)
            throw new InvalidOperationException("Thrown by the configuration of an endpoint.");
        Get("/api/v1/witness");
        if (Misconduct is Misconduct.DuplicateRoute)
            Routes("/api/v1/logs");
        if (Misconduct is Misconduct.SameRoute)
            Routes("/api/v1/mcp/servers/{another}");
        if (Misconduct is Misconduct.SamePathInDocument)
            Routes("/api/v1/mcp/servers/{id:int}");
        Summary(summary =>
        {
            summary.Summary = "What was heard";
            if (Misconduct is Misconduct.ThrowingExample)
                summary.ExampleRequest = new ThrowingExample();
        });
    }

    public override async Task HandleAsync(WitnessRequest request, CancellationToken ct)
    {
        if (request.Fail)
            throw new InvalidOperationException("Thrown by a request.");

        await using var connection = await database.OpenConnectionAsync(ct);
        var oath = await connection.ExecuteScalarAsync<string>(new CommandDefinition("select words from witness.oath", cancellationToken: ct));
        await Send.OkAsync(new WitnessResponse($"{oath} {testimony.Closing}", testimony.Of(HttpContext.GetScope())), ct);
    }
}

internal sealed record WitnessRequest
{
    [QueryParam]
    public bool Fail { get; init; }
}

internal sealed class ThrowingExample
{
    public string Text => throw new InvalidOperationException("Thrown by an example.");
}

internal sealed record WitnessResponse(string Oath, IReadOnlyList<HeardEvent> Heard);
