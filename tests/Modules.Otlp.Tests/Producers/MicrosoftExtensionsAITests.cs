using System.ClientModel;
using LlmRing.Testing;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Trace;

namespace LlmRing.Modules.Otlp.Tests.Producers;

/// <summary>A program with Microsoft.Extensions.AI and the exporter of the .NET SDK, over http/protobuf with gzip.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class MicrosoftExtensionsAITests(ServerFixture server)
{
    [Test]
    public async Task Telemetry_inside_of_function_invocation_gives_a_usage_for_each_call() =>
        await AssertUsagesAsync((client, source) => client.UseFunctionInvocation().UseOpenTelemetry(sourceName: source), 1200, 1200);

    [Test]
    public async Task Telemetry_outside_of_function_invocation_gives_one_usage_for_the_loop() =>
        await AssertUsagesAsync((client, source) => client.UseOpenTelemetry(sourceName: source).UseFunctionInvocation(), 2400);

    [Test]
    public async Task Telemetry_on_both_sides_of_function_invocation_gives_a_usage_for_each_call() =>
        await AssertUsagesAsync(
            (client, source) => client.UseOpenTelemetry(sourceName: source).UseFunctionInvocation().UseOpenTelemetry(sourceName: source),
            1200,
            1200);

    [Test]
    public async Task An_export_that_the_exporter_repeats_because_its_answer_was_lost_is_stored_once()
    {
        // The exporter of .NET repeats exports only with this variable.
        Environment.SetEnvironmentVariable("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY", "in_memory");
        await using var proxy = await ForgetfulProxy.StartAsync(server.Server.Address);

        await AssertUsagesAsync(
            (client, source) => client.UseFunctionInvocation().UseOpenTelemetry(sourceName: source), proxy.Address, 1200, 1200);

        await Assert.That(proxy.Exports).IsGreaterThan(1);
    }

    private Task AssertUsagesAsync(Func<ChatClientBuilder, string, ChatClientBuilder> instrument, params int[] inputs) =>
        AssertUsagesAsync(instrument, server.Server.Address, inputs);

    private async Task AssertUsagesAsync(
        Func<ChatClientBuilder, string, ChatClientBuilder> instrument, Uri receiver, params int[] inputs)
    {
        await using var model = await FakeModel.StartAsync();
        var key = OtlpClient.NewKey();
        using var client = new OtlpClient(server.Server.Address, key);
        // A source of its own, because tests of one process hear each other's sources.
        var source = $"llm-{key}";
        using (var tracing = Sdk.CreateTracerProviderBuilder()
            .AddSource(source)
            .AddOtlpExporter(exporter =>
            {
                exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
                exporter.Endpoint = new Uri(receiver, "/v1/traces");
                exporter.Headers = $"x-api-key={key}";
            })
            .Build())
        {
            var openAI = new OpenAIClient(new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = model.Address });
            using var chat = instrument(openAI.GetChatClient("gpt-4.1").AsIChatClient().AsBuilder(), source).Build();
            var weather = AIFunctionFactory.Create((string city) => $"4 degrees in {city}", "weather");

            var answer = await chat.GetResponseAsync("How is the weather in Oslo?", new ChatOptions { Tools = [weather] });

            await Assert.That(answer.Text).IsEqualTo("It is cold.");
            await Assert.That(tracing.ForceFlush()).IsTrue();
        }

        var usages = await client.ReadUsagesAsync();
        await Assert.That(usages.Select(usage => (int)usage["input_tokens"]!)).IsEquivalentTo(inputs);
        await Assert.That(await client.ReadTotalsAsync()).IsEqualTo((inputs.Length, 0.003168m, 2580L));
    }
}
