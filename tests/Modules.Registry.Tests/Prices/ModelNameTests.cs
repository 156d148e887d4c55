namespace LlmRing.Modules.Registry.Tests.Prices;

/// <summary>The names of models as clients and routes write them, on the data of the public registry.</summary>
[ClassDataSource<BundledServer>(Shared = SharedType.PerTestSession)]
public sealed class ModelNameTests(BundledServer server)
{
    [Test]
    // As given.
    [Arguments("openai", "gpt-4.1", "openai:gpt-4.1")]
    [Arguments("openai", "openai:gpt-4.1", "openai:gpt-4.1")]
    [Arguments("azure", "openai:gpt-4.1", "openai:gpt-4.1")]
    [Arguments("openai", "gpt-4o-2024-05-13", "openai:gpt-4o-2024-05-13")]
    [Arguments("openai", "gpt-4o-2024-08-06", "openai:gpt-4o-2024-08-06")]
    [Arguments("openai", "gpt-5-chat-latest", "openai:gpt-5-chat-latest")]
    [Arguments("openai", "gpt-5.6-sol", "openai:gpt-5.6-sol")]
    // Aliases.
    [Arguments("anthropic", "claude-sonnet-4-5", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("anthropic", "anthropic:claude-sonnet-4-5", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("openai", "gpt-4o-2024-11-20", "openai:gpt-4o-2024-08-06")]
    [Arguments("anthropic", "claude-3-5-haiku-latest", "anthropic:claude-3-5-haiku-20241022")]
    [Arguments("google", "gemini-2.0-flash-001", "google:gemini-2.0-flash")]
    // Route prefixes.
    [Arguments("openai", "openai/gpt-4o", "openai:gpt-4o")]
    [Arguments("openrouter", "anthropic/claude-sonnet-4.5", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("openai", "openrouter/anthropic/claude-sonnet-4.5", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("azure", "azure/gpt-4o-2024-08-06", "openai:gpt-4o-2024-08-06")]
    [Arguments("google", "models/gemini-2.5-pro", "google:gemini-2.5-pro")]
    [Arguments("google", "publishers/google/models/gemini-2.5-flash", "google:gemini-2.5-flash")]
    [Arguments("vertex_ai", "publishers/anthropic/models/claude-sonnet-4-5@20250929", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("litellm", "vertex_ai/claude-sonnet-4-5@20250929", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("litellm", "gemini/gemini-2.5-pro", "google:gemini-2.5-pro")]
    // Bedrock: regions, vendors, versions, ARNs.
    [Arguments("bedrock", "anthropic.claude-3-haiku-20240307-v1:0", "anthropic:claude-3-haiku-20240307")]
    [Arguments("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("bedrock", "apac.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic:claude-sonnet-4-20250514")]
    [Arguments("bedrock", "jp.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic:claude-haiku-4-5-20251001")]
    [Arguments("bedrock", "au.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic:claude-haiku-4-5-20251001")]
    [Arguments("bedrock", "global.anthropic.claude-opus-4-5-20251101-v1:0", "anthropic:claude-opus-4-5-20251101")]
    [Arguments("litellm", "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments(
        "bedrock",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments(
        "aws.bedrock",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
        "anthropic:claude-3-haiku-20240307")]
    [Arguments(
        "anthropic",
        "bedrock/arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        "anthropic:claude-haiku-4-5-20251001")]
    // Vertex: dates.
    [Arguments("vertex_ai", "claude-sonnet-4-5@20250929", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("vertex", "claude-opus-4@20250514", "anthropic:claude-opus-4-20250514")]
    [Arguments("vertex_ai", "claude-3-5-haiku@20241022", "anthropic:claude-3-5-haiku-20241022")]
    [Arguments("vertex_ai", "gemini-2.5-pro", "google:gemini-2.5-pro")]
    [Arguments("vertex_ai", "claude-haiku-4-5@20260101", "anthropic:claude-haiku-4-5-20251001")]
    // The mark of the long context.
    [Arguments("anthropic", "claude-sonnet-4-5[1m]", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("anthropic", "claude-sonnet-4-5-20250929[1M]", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0[1m]", "anthropic:claude-sonnet-4-5-20250929")]
    // Dates and "latest" at the end of a key or an alias.
    [Arguments("openai", "gpt-5.2-2025-12-11", "openai:gpt-5.2")]
    [Arguments("openai", "gpt-5.6-sol-2026-08-01", "openai:gpt-5.6-sol")]
    [Arguments("openai", "openai:gpt-4.1-2026-01-31", "openai:gpt-4.1")]
    [Arguments("anthropic", "claude-opus-4-6-20260205", "anthropic:claude-opus-4-6")]
    [Arguments("anthropic", "claude-haiku-4.5-20260101", "anthropic:claude-haiku-4-5-20251001")]
    [Arguments("openai", "gpt-4o-latest", "openai:gpt-4o")]
    [Arguments("anthropic", "claude-sonnet-4-5-latest", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("google", "models/gemini-2.5-flash-latest", "google:gemini-2.5-flash")]
    // Dots of Claude.
    [Arguments("anthropic", "claude-haiku-4.5", "anthropic:claude-haiku-4-5-20251001")]
    [Arguments("openrouter", "anthropic/claude-opus-4.5", "anthropic:claude-opus-4-5-20251101")]
    [Arguments("openrouter", "anthropic/claude-opus-4.8", "anthropic:claude-opus-4-8")]
    // Letter case.
    [Arguments("openai", "GPT-4O", "openai:gpt-4o")]
    [Arguments("openai", "GPT-4o", "openai:gpt-4o")]
    [Arguments("openai", "GPT-4.1", "openai:gpt-4.1")]
    [Arguments("OpenAI", "gpt-4o", "openai:gpt-4o")]
    [Arguments("Anthropic", "Claude-Sonnet-4.5", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("bedrock", "US.Anthropic.Claude-Sonnet-4-5-20250929-V1:0", "anthropic:claude-sonnet-4-5-20250929")]
    // Synonyms of providers.
    [Arguments("azure", "gpt-4o", "openai:gpt-4o")]
    [Arguments("azure.ai.openai", "gpt-4.1-2025-04-14", "openai:gpt-4.1-2025-04-14")]
    [Arguments("azure-openai", "gpt-4o-mini", "openai:gpt-4o-mini")]
    [Arguments("az.ai.openai", "gpt-4o-mini", "openai:gpt-4o-mini")]
    [Arguments("bedrock_converse", "claude-sonnet-4-5", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("amazon-bedrock", "claude-sonnet-4-5", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("vertexai", "gemini-2.5-flash", "google:gemini-2.5-flash")]
    [Arguments("google-vertex-anthropic", "claude-sonnet-4-5", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("openrouter", "gpt-4o", "openai:gpt-4o")]
    [Arguments("litellm", "claude-sonnet-4-5", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("gemini", "gemini-2.5-pro", "google:gemini-2.5-pro")]
    [Arguments("google-genai", "gemini-2.5-pro", "google:gemini-2.5-pro")]
    [Arguments("google_genai", "gemini-2.5-pro", "google:gemini-2.5-pro")]
    [Arguments("gcp.gemini", "gemini-2.5-pro", "google:gemini-2.5-pro")]
    [Arguments("gcp.vertex_ai", "gemini-2.5-pro", "google:gemini-2.5-pro")]
    [Arguments("gcp.gen_ai", "models/gemini-2.5-pro", "google:gemini-2.5-pro")]
    public async Task A_known_model_is_priced_under_each_form_of_its_name(string provider, string model, string pricedAs)
    {
        var price = await server.Prices.FindAsync(provider, model, null, CancellationToken.None);

        await Assert.That(price?.PricedAs).IsEqualTo(pricedAs);
    }

    [Test]
    // A longer name is another model.
    [Arguments("openai", "gpt-5.7-sol")]
    [Arguments("openai", "gpt-5.6")]
    [Arguments("openai", "gpt-5-turbo")]
    [Arguments("openai", "gpt-4o-mini-tts")]
    [Arguments("openai", "gpt-4o-preview")]
    [Arguments("anthropic", "claude-sonnet-4-5-fast")]
    [Arguments("google", "gemini-2.5-pro-exp")]
    [Arguments("google", "gemini-2.5")]
    // Fine-tuned models have prices of their own.
    [Arguments("openai", "ft:gpt-4o-2024-08-06:acme::abc123")]
    [Arguments("openai", "ft:gpt-4o-mini-2024-07-18:acme:support:abc123")]
    [Arguments("openai", "ft:gpt-4o")]
    [Arguments("openai", "openai/ft:gpt-4o")]
    [Arguments("azure", "azure/ft:gpt-4o-2024-08-06:acme::abc123")]
    [Arguments("bedrock", "arn:aws:bedrock:us-east-1:123456789012:custom-model/anthropic.claude-3-haiku-20240307-v1:0/abcdef123456")]
    // Variants of routers have prices of their own.
    [Arguments("openrouter", "openai/gpt-4o:free")]
    [Arguments("openrouter", "google/gemini-2.5-pro:free")]
    [Arguments("openrouter", "openai/gpt-4o:online")]
    [Arguments("openai", "gpt-4o:free")]
    // Names of deployments.
    [Arguments("azure", "my-gpt-4o")]
    [Arguments("azure", "gpt-4o-prod")]
    [Arguments("azure", "prod")]
    [Arguments("openai", "acme/gpt-4o")]
    [Arguments("openai", "acme.gpt-4o")]
    [Arguments("bedrock", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4")]
    // Not a valid date, and not one where the rest is a model.
    [Arguments("openai", "gpt-4o-20241399")]
    [Arguments("openai", "gpt-4o-2025-02-30")]
    [Arguments("openai", "gpt-4o-2024")]
    [Arguments("openai", "gpt-4o-241120")]
    [Arguments("vertex_ai", "claude-haiku-4-5@20251399")]
    [Arguments("vertex_ai", "claude-haiku-4-5@latest")]
    [Arguments("openai", "gpt-99-2025-01-01")]
    [Arguments("openai", "gpt-99-latest")]
    [Arguments("openai", "gpt-4o-latest-2025-01-01")]
    [Arguments("anthropic", "claude-3-7-sonnet")]
    [Arguments("openrouter", "anthropic/claude-3.7-sonnet")]
    // Decoration that is not known, and dots in names of other vendors.
    [Arguments("bedrock", "mars.anthropic.claude-sonnet-4-5-20250929-v1:0")]
    [Arguments("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1")]
    [Arguments("openai", "gpt-4-1")]
    [Arguments("google", "gemini-2-5-pro")]
    [Arguments("anthropic", "claude-sonnet-4-5[2m]")]
    // A model of another vendor.
    [Arguments("google", "gpt-4o")]
    [Arguments("openai", "claude-sonnet-4-5")]
    [Arguments("azure", "gemini-2.5-pro")]
    [Arguments("acme", "gpt-4o")]
    [Arguments("", "gpt-4o")]
    [Arguments("openai", "")]
    public async Task A_model_that_no_list_has_is_not_priced_as_another_model(string provider, string model)
    {
        await Assert.That(await server.Prices.FindAsync(provider, model, null, CancellationToken.None)).IsNull();
    }

    [Test]
    [Arguments("openai", "gpt-4o", "openai:gpt-4o")]
    [Arguments("openai", "openai:gpt-4o", "openai:gpt-4o")]
    [Arguments("openai", "openai/gpt-4o", "openai:gpt-4o")]
    [Arguments("azure", "gpt-4o", "openai:gpt-4o")]
    [Arguments("OpenAI", "GPT-4o", "openai:gpt-4o")]
    [Arguments("openrouter", "openai/gpt-4o", "openai:gpt-4o")]
    [Arguments("openai", "gpt-4o-latest", "openai:gpt-4o")]
    [Arguments("openai", "GPT-5", "openai:gpt-5")]
    [Arguments("vertex_ai", "publishers/google/models/gemini-2.5-pro", "google:gemini-2.5-pro")]
    [Arguments("anthropic", "claude-sonnet-4-5", "anthropic:claude-sonnet-4-5")]
    [Arguments("openrouter", "anthropic/claude-sonnet-4.5", "anthropic:claude-sonnet-4-5")]
    public async Task All_forms_of_a_name_are_grouped_as_one_model(string provider, string model, string expected)
    {
        await Assert.That(server.Prices.Canonicalize(provider, model).ToString()).IsEqualTo(expected);
    }

    [Test]
    // Listed snapshots.
    [Arguments("azure", "azure/gpt-4o-2024-08-06", "openai:gpt-4o-2024-08-06")]
    [Arguments("openai", "gpt-4o-2024-05-13", "openai:gpt-4o-2024-05-13")]
    [Arguments("openai", "gpt-4o-2024-11-20", "openai:gpt-4o-2024-11-20")]
    [Arguments("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("vertex_ai", "claude-sonnet-4-5@20250929", "anthropic:claude-sonnet-4-5-20250929")]
    // Snapshots that are priced as their base.
    [Arguments("openai", "gpt-5.2-2025-12-11", "openai:gpt-5.2-2025-12-11")]
    [Arguments("azure", "openai/gpt-5.2-2025-12-11", "openai:gpt-5.2-2025-12-11")]
    [Arguments("bedrock", "eu.anthropic.claude-opus-4-6-20260205-v1:0", "anthropic:claude-opus-4-6-20260205")]
    [Arguments("vertex_ai", "claude-haiku-4-5@20260101", "anthropic:claude-haiku-4-5-20260101")]
    public async Task A_dated_snapshot_is_grouped_apart_from_its_base_model(string provider, string model, string expected)
    {
        await Assert.That(server.Prices.Canonicalize(provider, model).ToString()).IsEqualTo(expected);
    }

    [Test]
    [Arguments("azure", "my-deployment", "azure:my-deployment")]
    [Arguments("openai", "ft:gpt-4o-2024-08-06:acme::abc123", "openai:ft:gpt-4o-2024-08-06:acme::abc123")]
    [Arguments("openrouter", "openai/gpt-4o:free", "openrouter:openai/gpt-4o:free")]
    [Arguments("acme", "acme:model-1", "acme:model-1")]
    [Arguments("acme", "acme/model-1", "acme:model-1")]
    [Arguments("acme", "model-1", "acme:model-1")]
    [Arguments("acme", "acme", "acme:acme")]
    [Arguments("", "", ":")]
    public async Task An_unknown_model_keeps_its_name_except_for_its_provider(string provider, string model, string expected)
    {
        await Assert.That(server.Prices.Canonicalize(provider, model).ToString()).IsEqualTo(expected);
    }

    [Test]
    public async Task A_dated_name_that_is_a_key_has_its_own_rates()
    {
        var dated = await server.Prices.FindAsync("openai", "gpt-4o-2024-05-13", null, CancellationToken.None);
        var plain = await server.Prices.FindAsync("openai", "gpt-4o", null, CancellationToken.None);

        await Assert.That((dated!.Input, dated.Output)).IsEqualTo((5m, 15m));
        await Assert.That((plain!.Input, plain.Output)).IsEqualTo((2.5m, 10m));
    }

    [Test]
    [Arguments("gpt-4o")]
    [Arguments("GPT-4o")]
    [Arguments("GPT-4O")]
    public async Task A_key_that_differs_by_case_alone_never_gives_its_rates(string model)
    {
        // The registry's entry openai:GPT-4o has an output rate of 2.5.
        var price = await server.Prices.FindAsync("openai", model, null, CancellationToken.None);

        await Assert.That(price?.Output).IsEqualTo(10m);
    }

    [Test]
    [Arguments("gpt-5-2025-08-07", "0.125")]
    [Arguments("gpt-5-mini-2025-08-07", "0.025")]
    [Arguments("gpt-5.2-chat-latest", "0.175")]
    [Arguments("gpt-4o-2024-05-13", null)]
    [Arguments("gpt-5-pro-2025-10-06", null)]
    public async Task An_entry_takes_missing_rates_from_an_alias_with_equal_plain_rates(string model, string? cacheRead)
    {
        var price = await server.Prices.FindAsync("openai", model, null, CancellationToken.None);

        await Assert.That(price!.CacheRead?.ToString(System.Globalization.CultureInfo.InvariantCulture)).IsEqualTo(cacheRead);
        await Assert.That(price.PricedAs).IsEqualTo($"openai:{model}");
    }

    [Test]
    public async Task Hostile_names_of_the_greatest_length_are_unknown_and_answered_at_once()
    {
        string[] pieces = ["openai/", "models/", "us.anthropic.", "publishers/google/models/", "-v1:0", "[1m]", "1.", "@20250101", "-20250101", "arn:", "claude-", "-latest"];
        foreach (var piece in pieces)
        {
            var name = string.Concat(Enumerable.Repeat(piece, 255 / piece.Length));
            // A thousand look-ups: one that takes time by the square of its length would be seen.
            for (var i = 0; i < 1_000; i++)
                await Assert.That((await server.Prices.FindAsync("litellm", name, null, CancellationToken.None)) is null).IsTrue();
            await Assert.That(server.Prices.Canonicalize("litellm", name).Model).IsEqualTo(name);
        }
    }
}
