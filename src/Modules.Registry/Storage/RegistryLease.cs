using Dapper;
using Npgsql;

namespace LlmRing.Modules.Registry.Storage;

/// <summary>The right to refresh the copies; disposing of the lease gives the right back.</summary>
internal sealed class RegistryLease(NpgsqlDataSource database, Guid holder) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        try
        {
            await using var connection = await database.OpenConnectionAsync();
            await connection.ExecuteAsync("delete from registry_lease where holder = @holder", new { holder });
        }
        catch (Exception exception) when (exception is NpgsqlException or ObjectDisposedException)
        {
            // The database is away or the server stops. The lease expires by itself, so the finished refresh must not fail.
        }
    }
}
