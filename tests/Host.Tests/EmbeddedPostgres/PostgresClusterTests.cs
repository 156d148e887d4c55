using System.Runtime.Versioning;
using LlmRing.Host.EmbeddedPostgres;

namespace LlmRing.Host.Tests.EmbeddedPostgres;

[UnsupportedOSPlatform("windows")]
public sealed class PostgresClusterTests
{
    [Test]
    public async Task The_password_is_written_to_a_new_file_that_only_its_owner_can_read()
    {
        var folder = Directory.CreateTempSubdirectory("llmring-tests-");
        File.SetUnixFileMode(folder.FullName, (UnixFileMode)0b111_101_101);
        var cluster = Directory.CreateDirectory(Path.Combine(folder.FullName, "postgres"));
        var password = Path.Combine(cluster.FullName, "password");
        // A start that was killed left a file that others can read, and one of them has it open.
        await File.WriteAllTextAsync(password, "");
        using var stranger = new StreamReader(password, new FileStreamOptions { Share = FileShare.ReadWrite | FileShare.Delete });

        await using (await PostgresCluster.StartAsync(cluster.FullName, ["fsync=off"], CancellationToken.None))
        {
            await Assert.That(await stranger.ReadToEndAsync()).IsEqualTo("");
            await Assert.That((await File.ReadAllTextAsync(password)).Trim().Length).IsEqualTo(32);
            await Assert.That(File.GetUnixFileMode(password)).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        folder.Delete(recursive: true);
    }
}
