using Bogus;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Templates.Tests;

/// <summary>Steps that many tests begin with.</summary>
internal static class TemplateClient
{
    public const string Route = "/api/v1/templates";

    /// <summary>Bodies of new templates: random, and the same in every run.</summary>
    public static Faker<NewTemplate> Faker(int seed) => new Faker<NewTemplate>()
        .UseSeed(seed)
        .CustomInstantiator(faker => new NewTemplate(
            faker.Commerce.ProductName(),
            faker.Lorem.Sentence(),
            faker.Hacker.Phrase(),
            faker.PickRandom("gpt-4.1", "claude-sonnet-4-5", "gemini-2.5-flash"),
            faker.Random.Int(0, 200) / 100m,
            faker.Random.Int(1, 100_000),
            faker.Internet.UserName()));

    /// <summary>Creates a template.</summary>
    /// <returns>The id of the template.</returns>
    public static async Task<string> NewTemplateAsync(this ApiClient client, string name = "Review") =>
        (string)(await client.PostAsync(Route, new { name }))["id"]!;

    /// <summary>Inserts a template without an owner, as an operator does.</summary>
    public static async Task<Guid> NewGlobalTemplateAsync(this ServerFixture server, string name)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        return await connection.ExecuteScalarAsync<Guid>(
            "insert into llmring.conversation_templates (name, created_by) values (@name, 'operator') returning id", new { name });
    }
}

internal sealed record NewTemplate(
    string Name, string Description, string SystemPrompt, string Model, decimal Temperature, int MaxTokens, string CreatedBy);
