using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using LlmRing.Host.Startup;
using LlmRing.Shared.Modules;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Modules;

/// <summary>Modules of <c>LLMRING_MODULES_PATH</c>, here the witness module, which repeats events and misbehaves on demand.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ExternalModuleTests(ServerFixture server)
{
    private const string Witness = "tests/Modules.Witness";

    private static readonly object Usage = new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 0.25 };

    [Test]
    public async Task A_module_reads_from_the_tables_of_its_own_migrations()
    {
        await using var host = await WitnessServer.StartAsync(server);

        await Assert.That((string?)(await host.WitnessAsync())["oath"]).IsEqualTo("nothing but One");
    }

    [Test]
    public async Task A_module_hears_of_a_logged_usage_once_even_when_the_client_repeats_it()
    {
        await using var host = await WitnessServer.StartAsync(server);

        var usage = await host.Client.PostAsync("/api/v1/log", Usage, ("Idempotency-Key", "once"));
        await host.Client.PostAsync("/api/v1/log", Usage, ("Idempotency-Key", "once"));
        // Events are heard in order: once this one is, none of the repeated usage can follow.
        var last = await host.Client.PostAsync("/api/v1/log", Usage);

        await Eventually.HoldsAsync(async () => (await host.HeardAsync()).Any(heard => heard.Id == (string?)last["log_id"]));
        var heard = await host.HeardAsync();
        await Assert.That(heard.Select(one => one.Id)).IsEquivalentTo([(string?)usage["log_id"], (string?)last["log_id"]]);
        await Assert.That(heard[0]).IsEqualTo(new Heard("usage", (string?)usage["log_id"], "p:m", 0.25m));
    }

    [Test]
    public async Task A_module_hears_of_every_usage_of_a_batch()
    {
        await using var host = await WitnessServer.StartAsync(server);

        var batch = await host.Client.PostAsync("/api/v1/log/batch", Enumerable.Repeat(Usage, 10_000));

        await Assert.That(batch.Status).IsEqualTo(200);
        await Eventually.HoldsAsync(async () => (await host.HeardAsync()).Count == 10_000);
    }

    [Test]
    public async Task A_module_hears_of_a_logged_conversation()
    {
        await using var host = await WitnessServer.StartAsync(server);

        var conversation = await host.Client.PostAsync("/conversations/log", new
        {
            messages = new[] { new { role = "user", content = "Hello" } },
            response = new { content = "Hi" },
            metadata = new { provider = "openai", model = "m", alias = "fast", cost = 0.5 },
        });

        await Eventually.HoldsAsync(async () => (await host.HeardAsync()).Count == 1);
        await Assert.That((await host.HeardAsync())[0])
            .IsEqualTo(new Heard("conversation", (string?)conversation["conversation_id"], "fast 2", 0.5m));
    }

    [Test]
    public async Task A_module_hears_of_a_recorded_tool_execution()
    {
        await using var host = await WitnessServer.StartAsync(server);
        var mcp = await host.Client.PostAsync(
            "/api/v1/mcp/servers", new { name = "s", url = "https://mcp.example.com/mcp", transport_type = "http" });
        var tool = await host.Client.PostAsync(
            "/api/v1/mcp/tools",
            new { server_id = (string?)mcp["id"], name = "t", description = "d", input_schema = new { type = "object" } });

        var execution = await host.Client.PostAsync($"/api/v1/mcp/tools/{tool["id"]}/execute", new { input = new { }, error = "It rained" });

        await Assert.That(execution.Status).IsEqualTo(200);
        await Eventually.HoldsAsync(async () => (await host.HeardAsync()).Count == 1);
        await Assert.That((await host.HeardAsync())[0]).IsEqualTo(new Heard("tool", (string?)execution["id"], "It rained", null));
    }

    [Test]
    public async Task Events_carry_the_scope_of_the_key_that_caused_them()
    {
        await using var host = await WitnessServer.StartAsync(server);
        using var other = new ApiClient(host.Address, $"key-{Guid.NewGuid():N}");

        await host.Client.PostAsync("/api/v1/log", Usage);

        await Eventually.HoldsAsync(async () => (await host.HeardAsync()).Count == 1);
        await Assert.That((await other.GetAsync("/api/v1/witness"))["heard"]!.AsArray()).IsEmpty();
    }

    [Test]
    public async Task Operations_and_schemas_of_a_module_are_documented_under_its_own_name()
    {
        await using var host = await WitnessServer.StartAsync(server);

        var document = await host.Client.GetAsync("/openapi.json");

        var operation = document["paths"]!["/api/v1/witness"]!["get"]!;
        await Assert.That((string?)operation["tags"]![0]).IsEqualTo("witness");
        // Prefixed, because another module may have an endpoint and a record with the same names.
        await Assert.That((string?)operation["operationId"]).IsEqualTo("witnessWitness");
        await Assert.That(document["components"]!["schemas"]!.AsObject().ContainsKey("WitnessHeardEvent")).IsTrue();
    }

    [Test]
    [Arguments("ThrowingExample", "Thrown by an example.")]
    [Arguments("SamePathInDocument", "Another endpoint has the same path in the document")]
    public async Task An_endpoint_that_cannot_be_documented_is_left_out_of_the_document(string misconduct, string reason)
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path), ("WITNESS", misconduct));
        using var client = new ApiClient(own.Address, "k");

        var document = await client.GetAsync("/openapi.json");

        await Assert.That(document.Status).IsEqualTo(200);
        await Assert.That((string?)document["paths"]!["/api/v1/mcp/servers/{id}"]!["get"]!["operationId"]).IsEqualTo("getServer");
        await Assert.That(document["paths"]!.AsObject().ContainsKey("/api/v1/witness")).IsFalse();
        await Eventually.HoldsAsync(() => Task.FromResult(own.Output.Contains($"is left out of the OpenAPI document: {reason}", StringComparison.Ordinal)));
    }

    [Test]
    public async Task A_request_that_throws_is_500_without_its_message()
    {
        await using var host = await WitnessServer.StartAsync(server);

        var failed = await host.Client.GetAsync("/api/v1/witness?fail=true");

        await Assert.That(failed.Status).IsEqualTo(500);
        await Assert.That((string?)failed["detail"]).IsEqualTo("Internal server error");
    }

    [Test]
    public async Task A_listener_that_throws_keeps_no_event_from_other_listeners()
    {
        // The witness module always registers a listener that throws.
        await using var host = await WitnessServer.StartAsync(server);

        for (var i = 0; i < 3; i++)
            await Assert.That((await host.Client.PostAsync("/api/v1/log", Usage)).Status).IsEqualTo(200);

        await Eventually.HoldsAsync(async () => (await host.HeardAsync()).Count == 3);
    }

    [Test]
    public async Task A_listener_that_blocks_its_thread_delays_neither_requests_nor_other_listeners()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServeAsync(folder, ("WITNESS", "BlockingListener"));
        using var client = new ApiClient(own.Address, "k");

        for (var i = 0; i < 20; i++)
            await Assert.That((await client.PostAsync("/api/v1/log", Usage)).Status).IsEqualTo(200);

        await Eventually.HoldsAsync(async () => (await client.GetAsync("/api/v1/witness"))["heard"]!.AsArray().Count == 20);
    }

    [Test]
    public async Task The_registry_is_served_when_a_handler_of_changed_prices_throws()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServeAsync(
            folder, ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()), ("WITNESS", "PriceListener"));
        using var client = new ApiClient(own.Address, "k");

        await Assert.That((await client.GetAsync("/registry")).Status).IsEqualTo(200);
        await Eventually.HoldsAsync(() => Task.FromResult(own.Output.Contains("Thrown by a listener of prices.", StringComparison.Ordinal)));
    }

    [Test]
    public async Task Failing_health_checks_of_a_module_are_reported_without_their_messages_and_the_server_stays_ready()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServeAsync(folder, ("WITNESS", "Checks"));
        using var client = new ApiClient(own.Address, null);

        var ready = await client.GetAsync("/health/ready");

        await Assert.That(ready.Status).IsEqualTo(200).Because(ready.Text);
        var checks = ready["checks"]!.AsObject().Where(check => check.Key is not "registry");
        await Assert.That(checks.Select(check => $"{check.Key}: {check.Value}")).IsEquivalentTo([
            "database: ok", "migrations: ok", "redis: not reachable: cached in memory only", "database-2: ok", "unhealthy: objects",
            "throws: does not work", "needy: does not work", "hangs: does not answer in time", "blocks: does not answer in time"]);
        await Assert.That(own.Output).DoesNotContain("Unexpected failure");
    }

    [Test]
    [Arguments("Constructor", "usage,witness")]
    [Arguments("Constructor", "-witness")]
    [Arguments("Naming", "usage,witness")]
    public async Task A_setting_that_names_a_module_which_failed_before_its_name_was_known_is_only_warned_of(string misconduct, string chosen)
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServeAsync(folder, ("WITNESS", misconduct), ("MODULES", chosen));
        using var client = new ApiClient(own.Address, "k");

        await Assert.That((await client.PostAsync("/api/v1/log", Usage)).Status).IsEqualTo(200);
        await Eventually.HoldsAsync(() => Task.FromResult(
            own.Output.Contains("LLMRING_MODULES names", StringComparison.Ordinal) && own.Output.Contains("is left out", StringComparison.Ordinal)));
    }

    [Test]
    public async Task A_module_whose_own_dependency_is_missing_is_left_out()
    {
        using var folder = new ModuleFolder(Witness);
        File.Delete(Path.Combine(folder.Path, "Modules.Witness", "Humanizer.dll"));
        await using var own = await ServeAsync(folder);
        using var client = new ApiClient(own.Address, "k");

        await Assert.That((await client.GetAsync("/api/v1/witness")).Status).IsEqualTo(404);
        await Eventually.HoldsAsync(() => Task.FromResult(
            own.Output.Contains("is left out: Could not load file or assembly", StringComparison.Ordinal)));
    }

    [Test]
    public async Task The_start_without_a_failed_module_does_not_drain_first()
    {
        using var folder = new ModuleFolder(Witness);

        // Draining would take longer than ServeAsync waits for a server to listen.
        await using var own = await ServeAsync(folder, ("WITNESS", "StartOfService"), ("DRAIN_SECONDS", "300"));

        await own.KillAsync();
    }

    [Test]
    public async Task The_migrate_command_names_the_module_that_it_leaves_out()
    {
        using var folder = new ModuleFolder(Witness);

        var (exitCode, output) = await ServerProcess.RunAsync(
            ["db", "migrate", "--env", "prod"],
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()),
            ("MODULES_PATH", folder.Path),
            ("WITNESS", "Constructor"));

        await Assert.That(exitCode).IsEqualTo(0).Because(output);
        await Assert.That(output).Contains("Module LlmRing.Modules.Witness.WitnessModule in ")
            .And.Contains(" failed and is left out: Thrown by a constructor.")
            .And.Contains("is up to date");
    }

    [Test]
    [Arguments("AddServices", "Thrown by AddServices.")]
    [Arguments("Constructor", "Thrown by a constructor.")]
    [Arguments("Naming", "Thrown by a name.")]
    [Arguments("Options", "Never valid.")]
    [Arguments("EndpointConfiguration", "Thrown by the configuration of an endpoint.")]
    [Arguments("UnknownDependency", "Unable to resolve service for type")]
    [Arguments("StartOfService", "Thrown by the start of a service.")]
    public async Task A_module_that_throws_at_start_is_left_out_with_one_log_line(string misconduct, string reason)
    {
        using var folder = new ModuleFolder(Witness, "samples/Modules.Budgets");
        await using var own = await ServeAsync(folder, ("WITNESS", misconduct));
        using var client = new ApiClient(own.Address, "k");

        var log = await client.PostAsync("/api/v1/log", Usage);
        var witness = await client.GetAsync("/api/v1/witness");
        var budgets = await client.GetAsync("/api/v1/budgets");
        var document = await client.GetAsync("/openapi.json");
        var ready = await client.GetAsync("/health/ready");

        await Assert.That((log.Status, witness.Status, budgets.Status, ready.Status)).IsEqualTo((200, 404, 200, 200));
        await Assert.That((string?)ready["checks"]!["modules"]).StartsWith("left out: ").And.Contains("itness");
        await Assert.That(document["paths"]!.AsObject().ContainsKey("/api/v1/witness")).IsFalse();
        await Eventually.HoldsAsync(() => Task.FromResult(own.Output.Contains("is left out", StringComparison.Ordinal)));
        var lines = own.Output.Split('\n').Where(line => line.Contains("is left out", StringComparison.Ordinal)).ToList();
        await Assert.That(lines.Count).IsEqualTo(1);
        await Assert.That(lines[0]).Contains("itness").And.Contains(reason);
    }

    [Test]
    public async Task Background_work_that_throws_leaves_the_server_and_its_module_running()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServeAsync(folder, ("WITNESS", "BackgroundWork"));
        using var client = new ApiClient(own.Address, "k");

        await Eventually.HoldsAsync(() => Task.FromResult(own.Output.Contains("Thrown by background work.", StringComparison.Ordinal)));

        await Assert.That((await client.PostAsync("/api/v1/log", Usage)).Status).IsEqualTo(200);
        await Assert.That((await client.GetAsync("/api/v1/witness")).Status).IsEqualTo(200);
    }

    [Test]
    public async Task A_service_that_throws_while_it_stops_is_logged_and_the_process_ends_without_a_crash()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServeAsync(folder, ("WITNESS", "Stop"));

        await own.StopAsync();

        await Assert.That(own.Output).Contains("Thrown by the stop of a service.");
        await Assert.That(own.Output).DoesNotContain("Unhandled exception");
    }

    [Test]
    [Arguments("no folder", "LLMRING_MODULES_PATH is '{0}/none'; accepted: a folder that exists")]
    [Arguments("duplicate", "Two modules are named 'witness': in {0}/Modules.Witness/LlmRing.Modules.Witness.dll and {0}/copy/LlmRing.Modules.Witness.dll")]
    [Arguments("no assembly", "The module {0}/Modules.Witness/LlmRing.Modules.Witness.dll does not load: ")]
    [Arguments("no file", "The module {0}/Modules.Witness/LlmRing.Modules.Witness.dll does not load: ")]
    [Arguments("old Shared", "The module {0}/Modules.Witness/LlmRing.Modules.Witness.dll was built against LlmRing.Shared 0.77.0; this server has 0.")]
    [Arguments("no module", "{0}/stranger/Stranger.dll holds no module")]
    [Arguments("no deps.json", "{0}/Modules.Witness/")]
    [Arguments("internal class", "{0}/stranger/Stranger.dll holds no module: One is not public")]
    [Arguments("two classes", "{0}/stranger/Stranger.dll holds 2 modules; accepted: one class that implements LlmRing.Shared.Modules.IModule, not One and Two")]
    [Arguments("wrong setting", "LLMRING_WITNESS is 'nonsense'; accepted: a kind of misconduct, or none")]
    [Arguments("duplicate route", "Two endpoints answer GET /api/v1/logs: ")]
    [Arguments("ambiguous route", "Two endpoints answer GET /api/v1/mcp/servers/{{")]
    public async Task A_mistake_of_the_operator_or_the_module_author_stops_the_start_with_one_line(string fault, string reason)
    {
        using var folder = new ModuleFolder(Witness);
        var assembly = Path.Combine(folder.Path, "Modules.Witness", "LlmRing.Modules.Witness.dll");
        List<(string, string)> variables = [("DATABASE_URL", server.ConnectionString), ("MODULES_PATH", folder.Path)];
        switch (fault)
        {
            case "no folder":
                variables.Add(("MODULES_PATH", Path.Combine(folder.Path, "none")));
                break;
            case "duplicate":
                folder.Add(Witness, "copy");
                break;
            case "no assembly":
                await File.WriteAllTextAsync(assembly, "no assembly");
                break;
            case "no file":
                File.Delete(assembly);
                break;
            case "old Shared":
                await SetReferencedVersionAsync(assembly, "LlmRing.Shared", new Version(0, 77, 0, 0));
                break;
            case "no module":
                File.Copy(Path.Combine(AppContext.BaseDirectory, "Bogus.dll"), StrangerPath());
                break;
            case "no deps.json":
                File.Delete(Path.ChangeExtension(assembly, ".deps.json"));
                break;
            case "internal class":
                SaveModules(StrangerPath(), TypeAttributes.NotPublic, "One");
                break;
            case "two classes":
                SaveModules(StrangerPath(), TypeAttributes.Public, "One", "Two");
                break;
            case "wrong setting":
                variables.Add(("WITNESS", "nonsense"));
                break;
            case "duplicate route":
                variables.Add(("WITNESS", "DuplicateRoute"));
                break;
            case "ambiguous route":
                variables.Add(("WITNESS", "SameRoute"));
                break;
        }

        var (exitCode, output) = await ServerProcess.RunAsync(["serve", "--env", "prod", "--port", "0"], [.. variables]);

        await Assert.That(exitCode).IsEqualTo(1).Because(output);
        // Log lines are JSON objects, e.g. the one about Redis.
        var lines = output.Trim().Split('\n').Where(line => !line.StartsWith('{')).ToList();
        await Assert.That(lines.Count).IsEqualTo(1).Because(output);
        await Assert.That(lines[0]).StartsWith("llmring-server: " + string.Format(CultureInfo.InvariantCulture, reason, folder.Path));

        string StrangerPath()
        {
            var stranger = Directory.CreateDirectory(Path.Combine(folder.Path, "stranger")).FullName;
            File.Copy(Path.ChangeExtension(assembly, ".deps.json"), Path.Combine(stranger, "Stranger.deps.json"));
            return Path.Combine(stranger, "Stranger.dll");
        }
    }

    private async Task<ServerProcess> ServeAsync(ModuleFolder folder, params (string Name, string Value)[] variables) =>
        await ServerProcess.ServeAsync(
            [("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path), .. variables]);

    /// <summary>What the witness module repeats of an event.</summary>
    private sealed record Heard(string? Kind, string? Id, string? What, decimal? Cost);

    /// <summary>A server in this process with the witness module, and a client with a key of its own.</summary>
    private sealed class WitnessServer : IAsyncDisposable
    {
        private readonly ModuleFolder _folder;
        private readonly LlmRingServer _server;

        private WitnessServer(ModuleFolder folder, LlmRingServer server)
        {
            (_folder, _server) = (folder, server);
            Client = new ApiClient(server.Address, $"key-{Guid.NewGuid():N}");
        }

        public ApiClient Client { get; }

        public Uri Address => _server.Address;

        public static async Task<WitnessServer> StartAsync(ServerFixture server)
        {
            var folder = new ModuleFolder(Witness);
            return new WitnessServer(folder, await ServerFixture.StartAsync(
                await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES_PATH", folder.Path)));
        }

        public Task<ApiResponse> WitnessAsync() => Client.GetAsync("/api/v1/witness");

        public async Task<IReadOnlyList<Heard>> HeardAsync() =>
        [
            .. (await WitnessAsync())["heard"]!.AsArray()
                .Select(heard => new Heard((string?)heard!["kind"], (string?)heard["id"], (string?)heard["what"], (decimal?)heard["cost"])),
        ];

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            await _server.DisposeAsync();
            _folder.Dispose();
        }
    }

    /// <summary>Writes an assembly with classes that implement <see cref="IModule"/>.</summary>
    private static void SaveModules(string path, TypeAttributes visibility, params string[] names)
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName("Stranger"), typeof(object).Assembly);
        var module = assembly.DefineDynamicModule("Stranger");
        foreach (var name in names)
        {
            var type = module.DefineType(name, visibility, typeof(object), [typeof(IModule)]);
            foreach (var member in typeof(IModule).GetMethods().Where(method => method.IsAbstract))
            {
                Type[] parameters = [.. member.GetParameters().Select(parameter => parameter.ParameterType)];
                var code = type
                    .DefineMethod(member.Name, MethodAttributes.Public | MethodAttributes.Virtual, member.ReturnType, parameters)
                    .GetILGenerator();
                if (member.ReturnType != typeof(void))
                    code.Emit(OpCodes.Ldnull);
                code.Emit(OpCodes.Ret);
            }

            type.DefineDefaultConstructor(MethodAttributes.Public);
            type.CreateType();
        }

        assembly.Save(path);
    }

    /// <summary>Changes the version of a referenced assembly in the metadata of an assembly file.</summary>
    private static async Task SetReferencedVersionAsync(string path, string name, Version version)
    {
        var bytes = await File.ReadAllBytesAsync(path);
        using var file = new PEReader(new MemoryStream(bytes));
        var metadata = file.GetMetadataReader();
        var row = metadata.AssemblyReferences
            .Select((handle, index) => (Name: metadata.GetString(metadata.GetAssemblyReference(handle).Name), index))
            .First(reference => reference.Name == name).index;
        var place = file.PEHeaders.MetadataStartOffset
            + metadata.GetTableMetadataOffset(TableIndex.AssemblyRef)
            + row * metadata.GetTableRowSize(TableIndex.AssemblyRef);
        // A row of the table begins with the version: four 16-bit numbers.
        BitConverter.GetBytes((ushort)version.Major).CopyTo(bytes, place);
        BitConverter.GetBytes((ushort)version.Minor).CopyTo(bytes, place + 2);
        await File.WriteAllBytesAsync(path, bytes);
    }
}
