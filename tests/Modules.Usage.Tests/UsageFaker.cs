using System.Text.Json.Nodes;
using Bogus;

namespace LlmRing.Modules.Usage.Tests;

/// <summary>Makes usages as clients send them; the same ones in every run.</summary>
internal static class UsageFaker
{
    private static readonly Faker Faker = new() { Random = new Randomizer(4711) };

    /// <summary>A body for POST /api/v1/log with a cost.</summary>
    /// <param name="members">Members that replace or join the made ones; null takes one out.</param>
    public static JsonObject Usage(params (string Name, JsonNode? Value)[] members)
    {
        var usage = new JsonObject
        {
            ["provider"] = "openai",
            ["model"] = "gpt-4.1",
            ["input_tokens"] = Faker.Random.Int(1, 10_000),
            ["output_tokens"] = Faker.Random.Int(1, 2_000),
            ["cost"] = 0.25m,
            ["alias"] = Faker.Hacker.Noun(),
            ["origin"] = Faker.Internet.DomainWord(),
        };
        foreach (var (name, value) in members)
        {
            if (value is null)
                usage.Remove(name);
            else
                usage[name] = value;
        }

        return usage;
    }
}
