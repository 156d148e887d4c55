using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Modules.Mcp.Validation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace LlmRing.Modules.Mcp.CreateTool;

/// <summary>POST /api/v1/mcp/tools adds a tool to one of the caller's servers.</summary>
internal sealed class CreateToolEndpoint(ToolRepository tools) : Endpoint<CreateToolRequest, Tool>
{
    public override void Configure()
    {
        Post("/api/v1/mcp/tools");
        Summary(summary =>
        {
            summary.Summary = "Add a tool to an MCP server";
            summary.ExampleRequest = new CreateToolRequest
            {
                ServerId = Guid.Parse("0199aaaa-0000-7000-8000-000000000001"),
                Name = "forecast",
                Description = "Weather of tomorrow",
                InputSchema = JsonElement.Parse("""{"type": "object", "properties": {"city": {"type": "string"}}}"""),
            };
            summary.Response<Tool>(StatusCodes.Status200OK, "The tool.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such server.");
            summary.Response<ErrorBody>(StatusCodes.Status409Conflict, "The server has a tool of that name.");
        });
    }

    public override async Task HandleAsync(CreateToolRequest request, CancellationToken ct)
    {
        try
        {
            var tool = await tools.AddAsync(
                HttpContext.GetScope(),
                request.ServerId!.Value,
                request.Name!,
                request.Description,
                new RawJson(request.InputSchema!.Value.GetRawText()),
                ct);
            if (tool is not null)
                await Send.OkAsync(tool, ct);
            else
                await Send.NotFoundAsync("Server", ct);
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.UniqueViolation)
        {
            await Send.DetailAsync(StatusCodes.Status409Conflict, $"The server already has a tool named '{request.Name}'", ct);
        }
    }
}

internal sealed record CreateToolRequest
{
    public Guid? ServerId { get; init; }
    public string? Name { get; init; }
    public string? Description { get; init; }
    public JsonElement? InputSchema { get; init; }
}

internal sealed class CreateToolValidator : Validator<CreateToolRequest>
{
    public CreateToolValidator()
    {
        RuleFor(request => request.ServerId).NotNull();
        RuleFor(request => request.Name).NotNull().Length(1, 255);
        RuleFor(request => request.InputSchema).NotNull().IsObject();
    }
}
