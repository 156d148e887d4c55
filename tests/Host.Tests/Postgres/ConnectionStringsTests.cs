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
    [Arguments("postgresql://u:p@h1:5432,h2:6432/db", "h1:5432,h2:6432")]
    [Arguments("postgresql://u:p@h1,h2/db", "h1:5432,h2:5432")]
    [Arguments("postgresql://u:p@[::1]:6432,db.example/db", "[::1]:6432,db.example:5432")]
    [Arguments("postgresql://u:p@/db?host=h1,h2&port=5432,6432", "h1:5432,h2:6432")]
    [Arguments("postgresql:///db?host=h1,h2&user=u&port=6432", "h1:6432,h2:6432")]
    [Arguments("Host=h1:5432,h2:6432;Username=u;Database=db", "h1:5432,h2:6432")]
    public async Task Of_several_hosts_connections_go_to_the_primary_which_is_looked_for_each_second(string text, string hosts)
    {
        var connection = ConnectionStrings.Parse(text);

        await Assert.That(connection.Host).IsEqualTo(hosts);
        await Assert.That(connection.Username).IsEqualTo("u");
        await Assert.That(connection.Database).IsEqualTo("db");
        await Assert.That(connection.TargetSessionAttributes).IsEqualTo("primary");
        await Assert.That(connection.HostRecheckSeconds).IsEqualTo(1);
        await Assert.That(connection.Timeout).IsEqualTo(2);
    }

    [Test]
    public async Task What_the_text_says_of_target_recheck_and_timeout_holds_for_several_hosts()
    {
        var connection = ConnectionStrings.Parse(
            "postgresql://h1,h2/db?target_session_attrs=read-write&connect_timeout=4&Host%20Recheck%20Seconds=3&application_name=ring");

        await Assert.That(connection.TargetSessionAttributes).IsEqualTo("read-write");
        await Assert.That(connection.HostRecheckSeconds).IsEqualTo(3);
        await Assert.That(connection.Timeout).IsEqualTo(4);
        await Assert.That(connection.ApplicationName).IsEqualTo("ring");
    }

    [Test]
    public async Task A_single_host_with_target_session_attributes_is_accepted_as_libpq_does()
    {
        var connection = ConnectionStrings.Parse("postgresql://u@h1/db?target_session_attrs=read-write");

        await Assert.That(new NpgsqlDataSourceBuilder(connection.ConnectionString).Build()).IsNotNull();
    }

    [Test]
    [Arguments("postgresql://h1,,h2/llmring")]
    [Arguments("postgresql://h1:5432,h2:port/llmring")]
    [Arguments("postgresql://localhost/llmring?sslmode=disable&sslmode=require")]
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
