using System.Diagnostics;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using LlmRing.Shared.Modules;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Modules;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ExternalModuleTests(ServerFixture server)
{
    private const string Witness = "tests/Modules.Witness";

    [Test]
    public async Task A_module_of_a_folder_has_its_routes_its_tables_its_place_in_the_document_and_hears_of_events()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES_PATH", folder.Path));
        using var client = new ApiClient(own.Address, $"key-{Guid.NewGuid():N}");
        using var other = new ApiClient(own.Address, $"key-{Guid.NewGuid():N}");

        var call = new { provider = "openai", model = "m", input_tokens = 1, output_tokens = 1, cost = 0.25 };
        var usage = await client.PostAsync("/api/v1/log", call, ("Idempotency-Key", "once"));
        await client.PostAsync("/api/v1/log", call, ("Idempotency-Key", "once"));
        var batch = await client.PostAsync("/api/v1/log/batch", Enumerable.Range(0, 10_000).Select(_ => new { provider = "p", model = "batch", input_tokens = 1, output_tokens = 1 }));
        var conversation = await client.PostAsync("/conversations/log", new
        {
            messages = new[] { new { role = "user", content = "Hello" } },
            response = new { content = "Hi" },
            metadata = new { provider = "openai", model = "m", alias = "fast", cost = 0.5 },
        });

        await Assert.That((usage.Status, batch.Status, conversation.Status)).IsEqualTo((200, 200, 200));
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/api/v1/witness"))["heard"]!.AsArray().Count >= 10_002);
        var witness = await client.GetAsync("/api/v1/witness");
        await Assert.That((string?)witness["oath"]).IsEqualTo("nothing but One");
        var heard = witness["heard"]!.AsArray().Select(heard => ((string?)heard!["kind"], (string?)heard["id"], (string?)heard["what"], (decimal?)heard["cost"])).ToList();
        await Assert.That(heard.Count).IsEqualTo(10_002);
        await Assert.That(heard).Contains(("usage", (string?)usage["log_id"], "openai:m", 0.25m));
        await Assert.That(heard).Contains(("conversation", (string?)conversation["conversation_id"], "fast 2", 0.5m));
        await Assert.That(heard.Count(one => one is { Item1: "usage", Item3: "p:batch" })).IsEqualTo(10_000);
        await Assert.That((await other.GetAsync("/api/v1/witness"))["heard"]!.AsArray()).IsEmpty();
        var document = await client.GetAsync("/openapi.json");
        var operation = document["paths"]!["/api/v1/witness"]!["get"]!;
        await Assert.That((string?)operation["tags"]![0]).IsEqualTo("witness");
        // Another module may have an endpoint and a record of the same names.
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
    public async Task An_execution_of_a_tool_is_heard_of()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES_PATH", folder.Path));
        using var client = new ApiClient(own.Address, "k");
        var mcp = await client.PostAsync("/api/v1/mcp/servers", new { name = "s", url = "https://mcp.example.com/mcp", transport_type = "http" });
        var tool = await client.PostAsync("/api/v1/mcp/tools", new { server_id = (string?)mcp["id"], name = "t", description = "d", input_schema = new { type = "object" } });

        var execution = await client.PostAsync($"/api/v1/mcp/tools/{tool["id"]}/execute", new { input = new { }, error = "It rained" });

        await Assert.That(execution.Status).IsEqualTo(200);
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/api/v1/witness"))["heard"]!.AsArray().Count == 1);
        var heard = (await client.GetAsync("/api/v1/witness"))["heard"]![0]!;
        await Assert.That(((string?)heard["kind"], (string?)heard["id"], (string?)heard["what"])).IsEqualTo(("tool", (string?)execution["id"], "It rained"));
    }

    [Test]
    public async Task A_request_and_a_listener_that_throw_harm_nobody_else()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES_PATH", folder.Path));
        using var client = new ApiClient(own.Address, "k");

        var failed = await client.GetAsync("/api/v1/witness?fail=true");
        for (var i = 0; i < 3; i++)
            await Assert.That((await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1 })).Status).IsEqualTo(200);

        await Assert.That(failed.Status).IsEqualTo(500);
        await Assert.That((string?)failed["detail"]).IsEqualTo("Internal server error");
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/api/v1/witness"))["heard"]!.AsArray().Count == 3);
    }

    [Test]
    public async Task A_listener_that_blocks_is_in_nobody_elses_way()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path), ("WITNESS", "BlockingListener"));
        using var client = new ApiClient(own.Address, "k");

        for (var i = 0; i < 20; i++)
            await Assert.That((await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1 })).Status).IsEqualTo(200);

        await Eventually.HoldsAsync(async () => (await client.GetAsync("/api/v1/witness"))["heard"]!.AsArray().Count == 20);
    }

    [Test]
    public async Task What_is_told_of_new_prices_and_throws_harms_nobody_else()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()), ("MODULES_PATH", folder.Path), ("WITNESS", "PriceListener"));
        using var client = new ApiClient(own.Address, "k");

        await Assert.That((await client.GetAsync("/registry")).Status).IsEqualTo(200);
        await Eventually.HoldsAsync(() => Task.FromResult(own.Output.Contains("What is told of new prices failed", StringComparison.Ordinal)));
    }

    [Test]
    public async Task Checks_that_throw_hang_block_object_or_cannot_be_made_leave_the_server_ready_and_say_nothing_secret()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path), ("WITNESS", "Checks"));
        using var client = new ApiClient(own.Address, null);

        var ready = await client.GetAsync("/health/ready");

        await Assert.That(ready.Status).IsEqualTo(200).Because(ready.Text);
        await Assert.That(ready["checks"]!.AsObject().Select(check => $"{check.Key}: {check.Value}")).IsEquivalentTo([
            "database: ok", "migrations: ok", "database-2: ok", "unhealthy: objects",
            "throws: does not work", "needy: does not work", "hangs: does not answer in time", "blocks: does not answer in time"]);
        await Assert.That(own.Output).DoesNotContain("Unexpected failure");
    }

    [Test]
    [Arguments("Constructor", "usage,witness")]
    [Arguments("Constructor", "-witness")]
    [Arguments("Naming", "usage,witness")]
    public async Task A_module_that_fails_before_it_says_its_name_may_have_been_chosen_by_it(string misconduct, string chosen)
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path), ("WITNESS", misconduct), ("MODULES", chosen));
        using var client = new ApiClient(own.Address, "k");

        await Assert.That((await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1 })).Status).IsEqualTo(200);
        await Eventually.HoldsAsync(() => Task.FromResult(own.Output.Contains("LLMRING_MODULES names", StringComparison.Ordinal) && own.Output.Contains("is left out", StringComparison.Ordinal)));
    }

    [Test]
    public async Task A_module_whose_own_dependency_is_missing_is_left_out()
    {
        using var folder = new ModuleFolder(Witness);
        File.Delete(Path.Combine(folder.Path, "Modules.Witness", "Humanizer.dll"));
        await using var own = await ServerProcess.ServeAsync(("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path));
        using var client = new ApiClient(own.Address, "k");

        await Assert.That((await client.GetAsync("/api/v1/witness")).Status).IsEqualTo(404);
        await Eventually.HoldsAsync(() => Task.FromResult(own.Output.Contains("is left out: Could not load file or assembly", StringComparison.Ordinal)));
    }

    [Test]
    public async Task A_start_without_a_module_that_failed_waits_for_no_drain()
    {
        using var folder = new ModuleFolder(Witness);
        var started = Stopwatch.StartNew();
        await using var own = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path), ("WITNESS", "StartOfService"), ("DRAIN_SECONDS", "50"));

        await Assert.That(started.Elapsed).IsLessThan(TimeSpan.FromSeconds(50));
        await own.KillAsync();
    }

    [Test]
    public async Task Migrations_by_hand_say_which_module_they_leave_out()
    {
        using var folder = new ModuleFolder(Witness);

        var (exitCode, output) = await ServerProcess.RunAsync(
            ["db", "migrate", "--env", "prod"], ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path), ("WITNESS", "Constructor"));

        await Assert.That(exitCode).IsEqualTo(0).Because(output);
        await Assert.That(output).Contains("Module LlmRing.Modules.Witness.WitnessModule in ").And.Contains(" failed and is left out: Thrown by a constructor.").And.Contains("is up to date");
    }

    [Test]
    [Arguments("AddServices", "Thrown by AddServices.")]
    [Arguments("Constructor", "Thrown by a constructor.")]
    [Arguments("Naming", "Thrown by a name.")]
    [Arguments("Options", "Never valid.")]
    [Arguments("EndpointConfiguration", "Thrown by the configuration of an endpoint.")]
    [Arguments("UnknownDependency", "Unable to resolve service for type")]
    [Arguments("StartOfService", "Thrown by the start of a service.")]
    public async Task A_module_that_throws_at_start_is_left_out_with_one_line(string misconduct, string reason)
    {
        using var folder = new ModuleFolder(Witness, "samples/Modules.Budgets");
        await using var own = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path), ("WITNESS", misconduct));
        using var client = new ApiClient(own.Address, "k");

        var log = await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 1 });
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
    public async Task Background_work_that_throws_harms_nobody_else()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path), ("WITNESS", "BackgroundWork"));
        using var client = new ApiClient(own.Address, "k");

        await Eventually.HoldsAsync(() => Task.FromResult(own.Output.Contains("Thrown by background work.", StringComparison.Ordinal)));

        await Assert.That((await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1 })).Status).IsEqualTo(200);
        await Assert.That((await client.GetAsync("/api/v1/witness")).Status).IsEqualTo(200);
    }

    [Test]
    public async Task A_service_that_throws_when_it_stops_leaves_an_orderly_end()
    {
        using var folder = new ModuleFolder(Witness);
        await using var own = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()), ("MODULES_PATH", folder.Path), ("WITNESS", "Stop"));

        await own.StopAsync();

        await Assert.That(own.Output).Contains("Thrown by the stop of a service.");
        await Assert.That(own.Output).DoesNotContain("Unhandled exception");
    }

    [Test]
    [Arguments("absent", "LLMRING_MODULES_PATH is '{0}/none'; accepted: a folder that exists")]
    [Arguments("twins", "Two modules are named 'witness': in {0}/Modules.Witness/LlmRing.Modules.Witness.dll and {0}/twin/LlmRing.Modules.Witness.dll")]
    [Arguments("rubbish", "The module {0}/Modules.Witness/LlmRing.Modules.Witness.dll does not load: ")]
    [Arguments("missing", "The module {0}/Modules.Witness/LlmRing.Modules.Witness.dll does not load: ")]
    [Arguments("old", "The module {0}/Modules.Witness/LlmRing.Modules.Witness.dll was built against LlmRing.Shared 0.77.0; this server has 0.")]
    [Arguments("empty", "{0}/stranger/Stranger.dll holds no module")]
    [Arguments("unmarked", "{0}/Modules.Witness/")]
    [Arguments("hidden", "{0}/stranger/Stranger.dll holds no module: One is not public")]
    [Arguments("two", "{0}/stranger/Stranger.dll holds 2 modules; accepted: one class that implements LlmRing.Shared.Modules.IModule, not One and Two")]
    [Arguments("setting", "LLMRING_WITNESS is 'nonsense'; accepted: a kind of misconduct, or none")]
    [Arguments("route", "Two endpoints answer GET /api/v1/logs: ")]
    [Arguments("same route", "Two endpoints answer GET /api/v1/mcp/servers/{{")]
    public async Task A_module_that_cannot_be_right_refuses_the_start_with_one_line(string fault, string reason)
    {
        using var folder = new ModuleFolder(Witness);
        var assembly = Path.Combine(folder.Path, "Modules.Witness", "LlmRing.Modules.Witness.dll");
        List<(string, string)> variables = [("DATABASE_URL", server.ConnectionString), ("MODULES_PATH", folder.Path)];
        switch (fault)
        {
            case "absent":
                variables.Add(("MODULES_PATH", Path.Combine(folder.Path, "none")));
                break;
            case "twins":
                folder.Add(Witness, "twin");
                break;
            case "rubbish":
                await File.WriteAllTextAsync(assembly, "no assembly");
                break;
            case "missing":
                File.Delete(assembly);
                break;
            case "old":
                await SetReferencedVersionAsync(assembly, "LlmRing.Shared", new Version(0, 77, 0, 0));
                break;
            case "empty":
                File.Copy(Path.Combine(AppContext.BaseDirectory, "Bogus.dll"), PlaceOfStranger());
                break;
            case "unmarked":
                File.Delete(Path.ChangeExtension(assembly, ".deps.json"));
                break;
            case "hidden":
                SaveModules(PlaceOfStranger(), TypeAttributes.NotPublic, "One");
                break;
            case "two":
                SaveModules(PlaceOfStranger(), TypeAttributes.Public, "One", "Two");
                break;
            case "setting":
                variables.Add(("WITNESS", "nonsense"));
                break;
            case "route":
                variables.Add(("WITNESS", "DuplicateRoute"));
                break;
            case "same route":
                variables.Add(("WITNESS", "SameRoute"));
                break;
        }

        var (exitCode, output) = await ServerProcess.RunAsync(["serve", "--env", "prod", "--port", "0"], [.. variables]);

        await Assert.That(exitCode).IsEqualTo(1).Because(output);
        // What is logged before is JSON: e.g. that there is no Redis.
        var lines = output.Trim().Split('\n').Where(line => !line.StartsWith('{')).ToList();
        await Assert.That(lines.Count).IsEqualTo(1).Because(output);
        await Assert.That(lines[0]).StartsWith("llmring-server: " + string.Format(System.Globalization.CultureInfo.InvariantCulture, reason, folder.Path));

        string PlaceOfStranger()
        {
            var stranger = Directory.CreateDirectory(Path.Combine(folder.Path, "stranger")).FullName;
            File.Copy(Path.ChangeExtension(assembly, ".deps.json"), Path.Combine(stranger, "Stranger.deps.json"));
            return Path.Combine(stranger, "Stranger.dll");
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
                var code = type.DefineMethod(
                    member.Name, MethodAttributes.Public | MethodAttributes.Virtual, member.ReturnType, [.. member.GetParameters().Select(parameter => parameter.ParameterType)]).GetILGenerator();
                if (member.ReturnType != typeof(void))
                    code.Emit(OpCodes.Ldnull);
                code.Emit(OpCodes.Ret);
            }

            type.DefineDefaultConstructor(MethodAttributes.Public);
            type.CreateType();
        }

        assembly.Save(path);
    }

    /// <summary>Changes the version that an assembly was built against, in its metadata.</summary>
    private static async Task SetReferencedVersionAsync(string path, string name, Version version)
    {
        var bytes = await File.ReadAllBytesAsync(path);
        using var file = new PEReader(new MemoryStream(bytes));
        var metadata = file.GetMetadataReader();
        var row = metadata.AssemblyReferences.Select((handle, index) => (Name: metadata.GetString(metadata.GetAssemblyReference(handle).Name), index)).First(reference => reference.Name == name).index;
        var place = file.PEHeaders.MetadataStartOffset + metadata.GetTableMetadataOffset(TableIndex.AssemblyRef) + row * metadata.GetTableRowSize(TableIndex.AssemblyRef);
        // A row begins with its version: four numbers of two bytes.
        BitConverter.GetBytes((ushort)version.Major).CopyTo(bytes, place);
        BitConverter.GetBytes((ushort)version.Minor).CopyTo(bytes, place + 2);
        await File.WriteAllBytesAsync(path, bytes);
    }
}
