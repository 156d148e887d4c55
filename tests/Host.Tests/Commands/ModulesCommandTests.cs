using System.Text.RegularExpressions;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Commands;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed partial class ModulesCommandTests(ServerFixture server)
{
    [Test]
    public async Task The_list_shows_version_state_migrations_assembly_and_routes_of_every_module()
    {
        using var folder = new ModuleFolder("tests/Modules.Witness");
        var database = await server.Postgres.CreateDatabaseAsync();
        await ServerProcess.RunAsync(["db", "migrate", "--env", "prod"], ("DATABASE_URL", database), ("MODULES", "usage,conversations"));

        var (exitCode, output) = await ServerProcess.RunAsync(
            ["modules", "list", "--env", "prod"], ("DATABASE_URL", database), ("MODULES", "-templates"), ("MODULES_PATH", folder.Path));

        await Assert.That(exitCode).IsEqualTo(0).Because(output);
        var lines = output.Split('\n').Select(line => Spaces().Replace(line.Trim(), " ")).ToList();
        await Assert.That(lines).Contains("NAME VERSION STATE MIGRATIONS ASSEMBLY");
        await Assert.That(lines.Any(line => Regex.IsMatch(line, @"^usage 0\.\d+\.\d+ on [1-9] applied, 0 pending LlmRing\.Modules\.Usage$"))).IsTrue().Because(output);
        await Assert.That(lines.Any(line => Regex.IsMatch(line, @"^registry 0\.\d+\.\d+ on 0 applied, [1-9] pending LlmRing\.Modules\.Registry$"))).IsTrue().Because(output);
        await Assert.That(lines.Any(line => Regex.IsMatch(line, @"^templates 0\.\d+\.\d+ off LlmRing\.Modules\.Templates$"))).IsTrue().Because(output);
        await Assert.That(lines.Any(line => Regex.IsMatch(line, @"^witness 0\.\d+\.\d+ on 0 applied, 1 pending LlmRing\.Modules\.Witness$"))).IsTrue().Because(output);
        await Assert.That(lines).Contains("POST /api/v1/log").And.Contains("GET /api/v1/templates").And.Contains("GET /api/v1/witness");
    }

    [Test]
    public async Task A_module_that_fails_is_listed_as_failed()
    {
        using var folder = new ModuleFolder("tests/Modules.Witness");

        var (exitCode, output) = await ServerProcess.RunAsync(
            ["modules", "list", "--env", "prod"], ("DATABASE_URL", server.ConnectionString), ("MODULES_PATH", folder.Path), ("WITNESS", "AddServices"));

        await Assert.That(exitCode).IsEqualTo(0).Because(output);
        await Assert.That(Spaces().Replace(output, " ")).Contains("witness 0.").And.Contains(" failed ").And.Contains("Thrown by AddServices.");
        await Assert.That(output).Contains("POST   /api/v1/log");
    }

    [Test]
    [Arguments("nonsense", "LLMRING_WITNESS is 'nonsense'; accepted: ")]
    [Arguments("DuplicateRoute", "Two endpoints answer GET /api/v1/logs: ")]
    public async Task A_disabled_module_that_could_not_start_is_listed_as_off_with_the_reason(string misconduct, string reason)
    {
        using var folder = new ModuleFolder("tests/Modules.Witness");

        var (exitCode, output) = await ServerProcess.RunAsync(
            ["modules", "list", "--env", "prod"], ("DATABASE_URL", server.ConnectionString), ("MODULES_PATH", folder.Path), ("MODULES", "-witness"), ("WITNESS", misconduct));

        await Assert.That(exitCode).IsEqualTo(0).Because(output);
        await Assert.That(Spaces().Replace(output, " ")).Contains(" off LlmRing.Modules.Witness").And.Contains(reason);
        await Assert.That(output).Contains("POST   /api/v1/log");
    }

    [GeneratedRegex(" +")]
    private static partial Regex Spaces();
}
