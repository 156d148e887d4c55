using LlmRing.Host.Postgres;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Tests.Postgres;

public sealed class ConnectionStringsTests
{
    [Test]
    public async Task A_url_is_parsed_with_host_port_credentials_database_and_parameters()
    {
        var connection = ConnectionStrings.Parse("postgresql://anna:p%40ss@db.example:6432/my%20data?sslmode=verify-full&Command%20Timeout=7");

        await Assert.That(connection.Host).IsEqualTo("db.example");
        await Assert.That(connection.Port).IsEqualTo(6432);
        await Assert.That(connection.Username).IsEqualTo("anna");
        await Assert.That(connection.Password).IsEqualTo("p@ss");
        await Assert.That(connection.Database).IsEqualTo("my data");
        await Assert.That(connection.SslMode).IsEqualTo(SslMode.VerifyFull);
        await Assert.That(connection.CommandTimeout).IsEqualTo(7);
    }

    [Test]
    [Arguments("postgres://localhost/llmring")]
    [Arguments("Host=localhost;Database=llmring")]
    public async Task A_url_and_a_connection_string_of_Npgsql_are_accepted(string text)
    {
        var connection = ConnectionStrings.Parse(text);

        await Assert.That(connection.Host).IsEqualTo("localhost");
        await Assert.That(connection.Database).IsEqualTo("llmring");
    }

    [Test]
    [Arguments("mysql://localhost/llmring")]
    [Arguments("postgresql://localhost:port/llmring")]
    [Arguments("postgresql://localhost/llmring?colour=blue")]
    [Arguments("just some words")]
    public async Task Any_other_text_is_refused_without_repeating_it(string text)
    {
        var refusal = await Assert.That(() => ConnectionStrings.Parse(text)).Throws<OperatorErrorException>();

        await Assert.That(refusal!.Message).StartsWith("LLMRING_DATABASE_URL is (not shown)").And.DoesNotContain(text);
    }
}
